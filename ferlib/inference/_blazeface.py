"""BlazeFace, the face detector of MediaPipe, made to find small, rolled, dark and very near faces too.

The network (full range, sparse; Google, Apache 2.0; Bazarevsky et al. 2019, arXiv:1907.05047) sees 192x192 pixels and
finds faces from 1/10 of their width well, from 1/14 mostly. So it is run on the whole photo and on overlapping tiles of
it, and, if that finds nothing, on views from further off and with the head on one side, where a glance at four of them
at once finds a trace. Every candidate is refined in an upright view close to it, which locates eyes and mouth exactly
and dismisses false alarms.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from ferlib.inference._litert import CORES, Network, cores, use_one_core
from ferlib.inference._photos import lighten

VIEW_SIZE, GRID_SIZE = 192, 48  # pixels of a view, cells of its grid
BOX_STEPS = 64  # of a pixel, to which boxes are rounded: so each processor and browser sees the same in the next view

CANDIDATE_SCORE = 0.3  # from which a detection in a view is refined
ACCEPT_SCORE, ACCEPT_TURNED_SCORE = 0.55, 0.67  # the turned views are more chances of a false alarm
CERTAIN_SCORE, CERTAIN_WIDTH = 0.75, 24  # score, and width in pixels of the view, from which nothing is refined

FACES_IN_TILE = 10  # widths of the smallest face in a tile's side
SMALLEST_TILE = 0.28  # in sides of the photo
TILE_OVERLAP = 0.2
FAR_VIEW = 2.2  # side of the views from further off, in sides of the photo
FAR_VIEW_DEGREES = (0, -90, 90, 180, -45, 45)
GLANCE_DEGREES = (-135, 135)  # only glanced at: a face seen so is found in the views beside
TRACE, CLEAR_TRACE = 0.2, 0.4  # scores at a glance from which a view is looked at, and all views are

REFINE_SIDES = (3, 5)  # of the views for refining, in widths of the face: further off, noise is averaged out
SECOND_SIDE_SCORE = 0.7  # below it, only the first of these is tried
ROLLED_DEGREES, MAX_TURNS, SCORE_LOSS = 25, 3, 0.25  # refined again while rolled by more, so often, losing no more


@dataclass
class _Candidate:
    """A face in a view: in the photo's pixels, but for the width that it had in the view."""

    centre: np.ndarray
    width: float
    score: float
    keypoints: np.ndarray
    width_in_view: float

    @property
    def roll(self):
        """Degrees by which the eyes are off the horizontal."""
        across = self.keypoints[1] - self.keypoints[0]
        return np.degrees(np.arctan2(across[1], across[0]))


def find_faces(photo, min_face):
    """Faces in a photo, best first: (box, keypoints, score) in pixels of the photo; scores are in (0.5, 1)."""
    levels = _pyramid(photo)
    faces = _detect_in_views(levels, _tile_views(photo.shape, min_face), ACCEPT_SCORE)
    if not faces:
        faces = _detect_in_views(levels, _far_views(levels), ACCEPT_TURNED_SCORE)
    return [((*(face.centre - face.width / 2), face.width, face.width), face.keypoints, face.score) for face in faces]


def _pyramid(photo):
    """The photo, half of it, a quarter of it ..., so that a small view of a large photo is neither slow nor jagged."""
    levels = [photo]
    while min(levels[-1].shape[:2]) >= 2 and max(levels[-1].shape[:2]) > VIEW_SIZE:
        half = [max(1, side // 2) for side in levels[-1].shape[1::-1]]
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
    return levels


def _tile_views(shape, min_face):
    """Square views (centre, side, degrees): the whole photo, then overlapping tiles down to the smallest face."""
    whole = max(shape[:2])
    views = [(np.array(shape[1::-1]) / 2, whole, 0)]
    side = max(SMALLEST_TILE * whole, FACES_IN_TILE * min_face)
    if side < whole:
        rows, columns = (_tile_centres(length, side) for length in shape[:2])
        views += [(np.array([x, y]), side, 0) for y in rows for x in columns]
    return views


def _tile_centres(length, side):
    """Centres of the fewest overlapping tiles that cover a length."""
    if length <= side:
        return np.array([length / 2])
    count = 1 + int(np.ceil((length - side) / (side * (1 - TILE_OVERLAP))))
    return np.linspace(side / 2, length - side / 2, count)


def _far_views(levels):
    """Views from further off, turned: those in which a glance at four at once finds a trace, or all if it is clear."""
    middle, side = np.array(levels[0].shape[1::-1]) / 2, FAR_VIEW * max(levels[0].shape[:2])
    views = [(middle, side, degrees) for degrees in FAR_VIEW_DEGREES + GLANCE_DEGREES]
    traces = np.concatenate(_map(lambda four: _glance(levels, four), [views[:4], views[4:]]))
    least = -1 if traces.max() > CLEAR_TRACE else TRACE
    return [views[i] for i in range(len(FAR_VIEW_DEGREES)) if traces[i] > least]


def _glance(levels, views):
    """The highest score, (4,), in the middle of each of four views, laid side by side."""
    size = VIEW_SIZE // 2
    a, b, c, d = (_draw_view(levels, centre, side / 2, degrees, size)[0] for centre, side, degrees in views)
    _, scores = _look(np.vstack([np.hstack([a, b]), np.hstack([c, d])]))
    return scores.reshape(2, GRID_SIZE // 2, 2, GRID_SIZE // 2).max((1, 3)).ravel()


def _detect_in_views(levels, views, accept):
    """Faces in some views of the photo that an upright view close to them confirms; best first."""

    def confirm(candidate):
        certain = candidate.score > CERTAIN_SCORE and candidate.width_in_view > CERTAIN_WIDTH
        if certain and abs(candidate.roll) < ROLLED_DEGREES:
            return [candidate]
        face, roll = _refine(levels, candidate), candidate.roll
        for _ in range(MAX_TURNS):
            again = face and abs(face.roll - roll) >= ROLLED_DEGREES and _refine(levels, face)
            if not again or again.score < face.score - SCORE_LOSS:
                break
            face, roll = again, face.roll
        if not face:
            return []
        face.score = 0.6 * face.score + 0.4 * candidate.score
        return [face] if face.score > accept else []

    candidates = _non_max_suppression(_map(lambda view: _detect_in_view(levels, *view), views))
    return _non_max_suppression(_map(confirm, candidates))


def _refine(levels, face):
    """The same face in an upright view close to it; None if it is not found there."""
    for side in REFINE_SIDES if face.score > SECOND_SIDE_SCORE else REFINE_SIDES[:1]:
        for found in _detect_in_view(levels, face.centre, side * face.width, face.roll):
            if np.abs(found.centre - face.centre).max() < face.width / 2:
                return found
    return None


def _draw_view(levels, centre, side, degrees, size=VIEW_SIZE):
    """A square view, turned by degrees and lightened, and the (2, 3) matrix from its pixels to the photo's."""
    scale = side / size
    level = min(len(levels) - 1, max(0, int(np.log2(scale))))
    shrunk = np.array(levels[level].shape[1::-1]) / levels[0].shape[1::-1]
    radians = np.radians(degrees)
    rotation = scale * np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    to_photo = np.hstack([rotation, (centre - rotation @ [size / 2, size / 2])[:, None]])
    matrix, flags = to_photo * shrunk[:, None], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return lighten(cv2.warpAffine(levels[level], matrix, (size, size), flags=flags)), to_photo


def _look(view):
    """Boxes with keypoints (cells, 16), in pixels from the middle of each cell, and scores (cells,) in a view."""
    pixels = view[None] / np.float32(127.5)
    pixels -= 1
    boxes, logits = _network()(pixels)
    return boxes[0], 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -80, 80)))


def _detect_in_view(levels, centre, side, degrees):
    """Faces in a square view of the photo, turned by degrees; best first."""
    view, to_photo = _draw_view(levels, centre, side, degrees)
    boxes, scores = _look(view)
    cells = np.flatnonzero(scores > CANDIDATE_SCORE)
    if not cells.size:
        return []
    cells = cells[np.argsort(-scores[cells], kind="stable")]
    boxes = np.rint(boxes[cells].reshape(-1, 8, 2)[:, :6].astype(float) * BOX_STEPS) / BOX_STEPS  # without the ears
    widths = boxes[:, 1].max(1)
    middles = (np.stack([cells % GRID_SIZE, cells // GRID_SIZE], 1) + 0.5) * VIEW_SIZE / GRID_SIZE
    points = (boxes[:, [0, 2, 3, 4, 5]] + middles[:, None]) @ to_photo[:, :2].T + to_photo[:, 2]
    columns = points[:, 0], widths * side / VIEW_SIZE, scores[cells].astype(float), points[:, 1:], widths
    return list(map(_Candidate, *columns))


def _non_max_suppression(views):
    """Of the faces in a list of lists, the best of those that cover half of the smaller one."""
    kept = []
    for face in sorted(chain(*views), key=lambda face: -face.score):
        if not any(_cover(face, other) for other in kept):
            kept.append(face)
    return kept


def _cover(face, other):
    smaller = min(face.width, other.width)
    across, down = (face.width + other.width) / 2 - np.abs(face.centre - other.centre)
    return min(across, down) > 0 and min(across, smaller) * min(down, smaller) > smaller**2 / 2


def _map(function, items):
    """Several views at once: a core each is faster than all cores for one view."""
    return list(map(function, items) if len(items) < 2 or cores() == 1 else _pool.map(function, items))


def _network():
    if not hasattr(_thread_local, "network"):
        content = (Path(__file__).parent / "blazeface.tflite").read_bytes()
        _thread_local.network = Network(content, threads=cores())
    return _thread_local.network


_thread_local = threading.local()  # a network for each thread that detects
_pool = ThreadPoolExecutor(CORES, initializer=use_one_core)
