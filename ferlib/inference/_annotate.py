"""Boxes, predictions, bars and heat maps drawn in milliseconds: for command line, video and camera.

Pictures in and out are (H, W, 3) uint8 RGB.
"""

import cv2
import numpy as np
from PIL import ImageColor

from ferlib.config import EMOTION_COLORS, EMOTIONS

FONT = cv2.FONT_HERSHEY_SIMPLEX
NOT_SURE_COLOR = "#E6E6E6"
HEAT_COLOR = (190, 24, 30)
MOST_WITH_BARS = 4  # more bars would hide the group
INK, PAPER = (20, 20, 20), (255, 255, 255)


def draw_predictions(photo, predictions, *, numbers=None):
    """A copy of a photo with a numbered box round every face, what is predicted, and a bar for each emotion.

    Parameters
    ----------
    predictions : list of FacePrediction
        Bars are drawn for at most four.
    numbers : list of int, optional
        Theirs; by default 1, 2, ...
    """
    canvas = photo.copy()
    unit = max(10, round(max(photo.shape[:2]) / 45))
    line = max(2, unit // 6)
    for prediction in predictions:
        x, y, width, height = prediction.box
        color = ImageColor.getrgb(prediction_color(prediction))
        for ink, thickness in ((INK, 2 * line), (color, line)):  # seen on any background
            cv2.rectangle(canvas, (x, y), (x + width, y + height), ink, thickness, cv2.LINE_AA)
    bars = EMOTIONS if len(predictions) <= MOST_WITH_BARS else ()
    for number, prediction in zip(numbers or range(1, 1 + len(predictions)), predictions, strict=True):
        _draw_card(canvas, prediction, f"{number} {prediction.predicted}", bars, unit)
    return canvas


def draw_heat(image, matters):
    """A (48, 48) uint8 face, red where much of its prediction comes from.

    Parameters
    ----------
    matters : (48, 48) float
        From `occlusion_map` or `grad_cam`; below 0 counts as 0.
    """
    share = heat_alpha(matters)[..., None]
    return np.rint((1 - share) * image[..., None] + share * np.array(HEAT_COLOR)).astype(np.uint8)


def heat_alpha(matters, *, highest=None):
    """Opacity, (H, W) float from 0 to 0.8, of a heat map that is laid over a face.

    It grows with the root, so that lesser parts are seen too; `highest` is the value of full opacity, by default the
    map's largest.
    """
    highest = matters.max() if highest is None else highest
    return 0.8 * (np.clip(matters, 0, None) / max(highest, 1e-6)) ** 0.5


def prediction_color(prediction):
    """The colour "#rrggbb" of a prediction: its emotion's, or a light grey where the network is not sure."""
    return NOT_SURE_COLOR if prediction.predicted == "not sure" else EMOTION_COLORS[prediction.emotion]


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
    _write(canvas, text, (left + margin, top + line + text_height // 3), 1.4 * scale, max(1, unit // 9))
    start = left + 2 * margin + names
    for place, (emotion, probability) in enumerate(zip(bars, prediction.probabilities, strict=False)):
        base = top + 2 * line + place * line
        _write(canvas, emotion, (left + margin, base + unit // 2), scale)
        end = start + round(float(probability) * (left + card[0] - margin - start))
        corners = (start, base - unit // 4), (end, base + unit // 2)
        cv2.rectangle(canvas, *corners, ImageColor.getrgb(EMOTION_COLORS[emotion]), cv2.FILLED)


def _write(canvas, text, place, scale, thickness=1):
    cv2.putText(canvas, text, place, FONT, scale, INK, thickness, cv2.LINE_AA)
