"""Boxes, answers and bars drawn on a copy of a photo or frame, in milliseconds: for command line, video and camera."""

import cv2
import numpy as np

from ferlib.config import EMOTION_COLORS, EMOTIONS

FONT = cv2.FONT_HERSHEY_SIMPLEX
UNSURE_COLOR = "#E6E6E6"
HEAT = (190, 24, 30)
MOST_CARDS = 4  # more would hide the group
INK, PAPER = (20, 20, 20), (255, 255, 255)


def draw_predictions(photo, predictions, *, numbers=None):
    """A copy of a photo with a numbered box round every face, its answer, and, in small groups, a bar for each emotion.

    Parameters
    ----------
    photo : (H, W, 3) uint8
        RGB.
    predictions : list of FacePrediction
    numbers : list of int, optional
        Theirs; by default 1, 2, ...

    Returns
    -------
    (H, W, 3) uint8
    """
    canvas = photo.copy()
    unit = max(10, round(max(photo.shape[:2]) / 45))
    for prediction in predictions:
        _draw_box(canvas, prediction, unit)
    bars = EMOTIONS if len(predictions) <= MOST_CARDS else ()
    for number, prediction in zip(numbers or range(1, 1 + len(predictions)), predictions, strict=True):
        _draw_card(canvas, prediction, f"{number} {prediction.answer}", bars, unit)
    return canvas


def draw_heat(image, matters):
    """A grey face with red where much of the answer came from.

    Parameters
    ----------
    image : (48, 48) uint8
    matters : (48, 48) float
        From `occlusion_map` or `grad_cam`; below 0 counts as 0.

    Returns
    -------
    (48, 48, 3) uint8
        RGB.
    """
    share = 0.8 * (np.clip(matters, 0, None) / max(matters.max(), 1e-6))[..., None] ** 0.5
    return np.rint((1 - share) * image[..., None] + share * np.array(HEAT)).astype(np.uint8)


def answer_color(prediction):
    """The colour "#rrggbb" of a face's answer: its emotion's, or a light grey where the network is not sure."""
    return UNSURE_COLOR if prediction.answer == "not sure" else EMOTION_COLORS[prediction.emotion]


def _draw_box(canvas, prediction, unit):
    x, y, width, height = prediction.box
    corners = (x, y), (x + width, y + height)
    line = max(2, unit // 6)
    cv2.rectangle(canvas, *corners, INK, 2 * line, cv2.LINE_AA)  # seen on any background
    cv2.rectangle(canvas, *corners, _rgb(answer_color(prediction)), line, cv2.LINE_AA)


def _draw_card(canvas, prediction, text, bars, unit):
    """A card below the face's box, or above it if there is no room: a text, and the bars of some emotions."""
    x, y, _, height = prediction.box
    scale = unit / 30
    (text_width, text_height), _ = cv2.getTextSize(text, FONT, 1.4 * scale, 2)
    names = max(cv2.getTextSize(emotion, FONT, scale, 1)[0][0] for emotion in EMOTIONS)
    line, margin = round(1.2 * unit), round(0.4 * unit)
    card = max(text_width, names + 4 * unit if bars else 0) + 2 * margin, (2 + len(bars)) * line
    left = int(np.clip(x, 0, max(0, canvas.shape[1] - card[0])))
    below = y + height + margin
    top = below if below + card[1] <= canvas.shape[0] else max(0, y - margin - card[1])
    area = canvas[top : top + card[1], left : left + card[0]]
    area[:] = (0.15 * area + 0.85 * np.array(PAPER)).astype(np.uint8)
    cv2.putText(
        canvas,
        text,
        (left + margin, top + line + text_height // 3),
        FONT,
        1.4 * scale,
        INK,
        max(1, unit // 9),
        cv2.LINE_AA,
    )
    for place, (emotion, probability) in enumerate(zip(bars, prediction.probabilities, strict=False)):
        base = top + 2 * line + place * line
        cv2.putText(canvas, emotion, (left + margin, base + unit // 2), FONT, scale, INK, 1, cv2.LINE_AA)
        start = left + 2 * margin + names
        bar = round(float(probability) * (left + card[0] - margin - start))
        cv2.rectangle(
            canvas, (start, base - unit // 4), (start + bar, base + unit // 2), _rgb(EMOTION_COLORS[emotion]), -1
        )


def _rgb(color):
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))
