"""Boxes, predictions, bars and heat maps drawn in milliseconds: for command line, video and camera.

Pictures in and out are (H, W, 3) uint8 RGB.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from ferlib.config import EMOTION_COLORS, EMOTIONS

NOT_SURE_COLOR = "#E6E6E6"
HEAT_COLOR = (190, 24, 30)
INK, PAPER = (20, 20, 20), (255, 255, 255)
MOST_WITH_BARS, CROWD = 4, 10  # more faces have no bars, and smaller text; more than a crowd, the smallest
LINES = 34, 46, 62  # lines of text in the longer side: the largest text is taken that has room
SMALLEST_TEXT, SMALLEST_BARS = 11, 15  # pixels
REACH, TRIES = 8, 20  # lines of text between a face and its label, and places of a label that are tried, at most
SHRUNK = 0.7  # a picture that is all faces, so that their labels stand beside it
DASHES = (np.inf, 0), (7, 5), (1, 3)  # strokes and gaps of persons 1, 2, 3, in widths of the line


class _Label(NamedTuple):
    place: np.ndarray  # left, top, right, bottom
    text: str
    prediction: object
    line: np.ndarray | None = None  # (2, 2), from the label to its face


def draw_predictions(photo, predictions, *, numbers=None):
    """A copy of a photo with a numbered box round every face, what is predicted, and a bar for each emotion.

    A box has the colour of its emotion, and a line that is solid, dashed or dotted: persons differ by number and line.
    Labels cover neither a face nor one another. They stand beside their faces; in a crowd only the numbers do, and a
    legend holds the words. Where the faces leave no room, the photo is drawn smaller, with labels right of it and
    below. A face that others enclose may still have a box without a number, and a very small photo of a crowd no
    legend.

    Parameters
    ----------
    predictions : list of FacePrediction
        Bars are drawn for at most four.
    numbers : list of int, optional
        Theirs; by default 1, 2, ...

    Returns
    -------
    (H, W, 3) uint8
        As large as the photo.
    """
    numbers = list(numbers or range(1, 1 + len(predictions)))
    zoom, size, bars, boxes, labels = _lay_out(photo.shape[:2], predictions, numbers)
    canvas = photo.copy()
    if zoom < 1:
        small = cv2.resize(canvas, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        margins = np.subtract(canvas.shape, small.shape)
        canvas = cv2.copyMakeBorder(small, 0, margins[0], 0, margins[1], cv2.BORDER_CONSTANT, value=INK)
    for number, prediction, box in zip(numbers, predictions, boxes, strict=True):
        outline = box[[0, 1, 2, 1, 2, 3, 0, 3, 0, 1]].reshape(-1, 2)
        thickness = min(_line(size), 1 + np.ptp(outline) // 30)
        _draw_line(canvas, outline, prediction, thickness, DASHES[(number - 1) % len(DASHES)])
    for label in labels:
        if label.line is not None:
            _draw_line(canvas, label.line, label.prediction, _line(size))
    for label in labels:
        _draw_label(canvas, label, size, bars)
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


def _lay_out(shape, predictions, numbers):
    """How much smaller a photo is drawn (1: not at all), size of its text, whether with bars, boxes (N, 4), labels.

    Boxes, as all places here, are left, top, right, bottom, in the picture that is drawn; `shape` is (height, width).
    """
    corners = np.array([prediction.box for prediction in predictions], int).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    few = len(predictions) <= MOST_WITH_BARS
    sizes = [max(SMALLEST_TEXT, max(shape) // lines) for lines in LINES[(not few) + (len(predictions) > CROWD) :]]
    kinds = [(size, True, True) for size in sizes if few and (size >= SMALLEST_BARS or size == sizes[0])]
    kinds += [(size, False, True) for size in sizes] + [(sizes[-1], False, False)]
    fewest = np.inf
    for zoom in (1, SHRUNK):
        boxes = np.clip(corners * zoom, 0, np.array(shape[::-1] * 2) * zoom - 1).astype(int)
        for size, bars, words in kinds:
            labels, missing = _place_labels(shape, boxes, predictions, numbers, size, bars, words)
            if missing < fewest and not (words and missing):
                fewest, best = missing, (zoom, size, bars, boxes, labels)
            if not missing:
                return best
    return best


def _place_labels(shape, boxes, predictions, numbers, size, bars, words):
    """Labels of one size and kind, and how many have no place: of words, the first without one ends the search."""
    gap, labels, missing = 2 * _line(size), [], 0
    taken = boxes + gap * np.array([-1, -1, 1, 1])
    if bars:
        taken[:, 1] -= (boxes[:, 3] - boxes[:, 1]) // 4  # forehead and hair
    quarters = np.tile(boxes[:, 2:] - boxes[:, :2], 2) // 4 * np.array([1, 1, -1, -1])
    crossed = boxes if words else boxes + quarters  # the line of a number may cross the rim of a face
    texts = [f"{number} {prediction.predicted}" for number, prediction in zip(numbers, predictions, strict=True)]
    if not words:
        legend = _place_legend(shape, np.max([_measure(text, size) for text in texts], 0), len(texts), size, taken)
        missing = (len(texts) + 1) * (not len(legend))
        labels += map(_Label, legend, texts, predictions)
        taken = np.vstack([taken, legend])
    grades = np.log2(1 + (boxes[:, 2:] - boxes[:, :2]).prod(1)).round()  # coarse: in a film the order stays
    for index in sorted(range(len(boxes)), key=lambda index: (-grades[index], numbers[index])):
        text = texts[index] if words else str(numbers[index])
        others = np.vstack([np.delete(crossed, index, axis=0), taken[len(boxes) :]])
        place, line = _find_place(shape, boxes[index], _measure(text, size, bars), size, taken, others)
        if place is not None:
            labels.append(_Label(place, text, predictions[index], line))
            along = np.empty((0, 4), int) if line is None else np.hstack([_along(line) - gap, _along(line) + gap])
            taken = np.vstack([taken, place, along])
        elif words:
            return labels, 1
        else:
            missing += 1
    return labels, missing


def _find_place(shape, box, measures, size, taken, others):
    """The nearest free place for a label, and the line that joins it to its face, None where it stands beside it."""
    (x, y, right, bottom), (width, height), gap, reach = box, measures, 2 * _line(size), REACH * size
    tops = np.clip([y, (y + bottom - height) // 2, bottom - height], 0, max(0, shape[0] - height))
    lefts = np.clip([x, (x + right - width) // 2, right - width], 0, max(0, shape[1] - width))
    beside = [(left, top) for left in (right + gap, x - gap - width) for top in tops]
    beside += [(left, top) for top in (bottom + gap, y - gap - height) for left in lefts]
    far = np.mgrid[x - width - reach : right + reach : size, y - height - reach : bottom + reach : size]
    for places in np.array(beside), far.reshape(2, -1).T:
        places = np.hstack([places, places + measures])
        places = places[(places[:, :2] >= 0).all(1) & (places[:, 2:] <= shape[::-1]).all(1)]
        places = places[~_meet(places, taken)]
        gaps = np.maximum(0, np.maximum(places[:, :2] - box[2:], box[:2] - places[:, 2:]))
        for place in places[np.argsort(np.hypot(*gaps.T), kind="stable")[:TRIES]]:
            end = np.clip((box[:2] + box[2:]) // 2, place[:2], place[2:] - 1)
            line = np.stack([end, np.clip(end, box[:2], box[2:])])
            if np.ptp(line, axis=0).max() <= gap + 1:
                return place, None
            if not _meet(np.tile(_along(line), 2) + np.array([0, 0, 1, 1]), others).any():
                return place, line
    return None, None


def _place_legend(shape, measures, count, size, taken):
    """Places (count, 4) of a legend's entries, in columns at an edge of the picture; (0, 4) if there is no room."""
    for rows in dict.fromkeys(-(-count // columns) for columns in range(1, 1 + count)):
        block = measures * (-(-count // rows), rows)
        width, height = shape[::-1] - block
        if width >= 0 and height >= 0:
            starts = [(left, top) for top in (height, 0) for left in np.r_[0:width:size, width]]
            starts = np.array(starts + [(left, top) for left in (width, 0) for top in np.r_[0:height:size]])
            starts = starts[~_meet(np.hstack([starts, starts + block]), taken)]
            if len(starts):
                entries = starts[0] + measures * np.column_stack(np.divmod(np.arange(count), rows))
                return np.hstack([entries, entries + measures])
    return np.empty((0, 4), int)


def _meet(places, taken):
    """Which of (K, 4) places meet one of the (M, 4) taken."""
    (left, top, right, bottom), others = places.T[..., None], taken.T[:, None]
    return ((left < others[2]) & (right > others[0]) & (top < others[3]) & (bottom > others[1])).any(1)


def _along(line):
    return np.linspace(*line, 10).astype(int)


def _line(size):
    """How thick lines are, in pixels, beside text of a size."""
    return max(2, size // 11)


@lru_cache
def _font(size):
    return ImageFont.load_default(size)


@lru_cache(1024)
def _measure(text, size, bars=False):
    """Width and height of a label."""
    return int(max(_font(size).getlength(text) + 0.7 * size, 7 * size * bars)), int((1.4 + 6.2 * bars) * size)


def _draw_line(canvas, points, prediction, thickness, dashes=DASHES[0]):
    """Strokes along points (N, 2) in the colour of a prediction, with a dark rim: seen on any background."""
    rim = thickness + 2 * max(1, thickness // 3)
    cv2.polylines(canvas, [points.astype(np.int32)], False, INK, rim, cv2.LINE_AA)
    color, (stroke, gap), strokes = ImageColor.getrgb(prediction_color(prediction)), dashes, []
    for start, end in pairwise(points):
        count = max(1, round(np.linalg.norm(end - start) / thickness / (stroke + gap)))
        parts = np.arange(count)[:, None, None] + [[0], [stroke / (stroke + gap) if gap else 1]]
        strokes += list(np.rint(start + (end - start) * parts / count).astype(np.int32))
    cv2.polylines(canvas, strokes, False, color, thickness, cv2.LINE_AA)


def _draw_label(canvas, label, size, bars):
    """A text on the colour of its prediction, and the bars of all emotions below it."""
    left, top, right, bottom = label.place
    color, width, height = ImageColor.getrgb(prediction_color(label.prediction)), right - left, bottom - top
    card = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(card)
    pen.rectangle((0, 0, width, 1.4 * size), fill=color)
    ink = INK if np.dot(color, (0.3, 0.59, 0.11)) > 100 else PAPER
    pen.text((0.35 * size, 0.7 * size), label.text, ink, _font(size), anchor="lm")
    for row, (emotion, probability) in enumerate(zip(EMOTIONS, label.prediction.probabilities, strict=True)):
        if bars:
            middle, start, end = (1.95 + 0.84 * row) * size, 3.4 * size, width - 0.4 * size
            pen.text((0.35 * size, middle), emotion, INK, _font(round(0.72 * size)), anchor="lm")
            corners = start, middle - 0.25 * size, start + float(probability) * (end - start), middle + 0.25 * size
            pen.rectangle(corners, fill=EMOTION_COLORS[emotion])
    pen.rectangle((0, 0, width - 1, height - 1), outline=color, width=max(1, _line(size) // 2))
    canvas[top:bottom, left:right] = card
