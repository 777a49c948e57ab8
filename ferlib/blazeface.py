"""BlazeFace, the face detector of MediaPipe, with what it lacks: small, rolled, dark and very near faces.

The network (full range, sparse; Google, Apache 2.0; Bazarevsky et al. 2019, arXiv:1907.05047) sees 192x192 pixels and
finds faces from 1/10 of their width well, from 1/14 mostly. So it looks at the whole photo and at overlapping tiles of
it, and, if that shows nothing, from further off and with the head on one side. Every face so proposed is looked at
again, upright and near, which sets eyes and mouth exactly and dismisses false alarms.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from ferlib.litert import Network
from ferlib.photos import lighten

VIEW = 192
GRID = 48
PROPOSE, CLEAR, ACCEPT = 0.3, 0.7, 0.55
PLAIN, PLAIN_WIDTH = 0.85, 36  # score, and pixels of the view, from which a first look is enough
ACCEPT_TURNED = 0.67  # more looks, more chances of a false alarm
REACH = 10  # a view shows faces down to 1/10 of its side well, to 1/14 mostly
SMALLEST_TILE = 0.28
OVERLAP = 0.2
NEAR = 3, 5  # sides of the second look, in widths of the face: noise is averaged out further off
SKEWED, WORSE, MOST_TURNS = 15, 0.25, 3  # degrees, score, looks
FURTHER = 2.2
TURNS = (0, -90, 90, -45, 45, 180)
CORES = min(4, os.cpu_count() or 1)


@dataclass
class _Sight:
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


def find_faces(photo, *, min_face):
    """Boxes, keypoints and scores of the faces in a photo.

    Parameters
    ----------
    photo : (H, W, 3) uint8
        RGB.
    min_face : float
        Smallest width of a face, in pixels.

    Returns
    -------
    boxes : (N, 4) float
        (x, y, width, height) of an upright square around each face.
    keypoints : (N, 6, 2) float
        (x, y) of both eyes, nose tip, mouth, both ears; first what is on the left of the upright face.
    scores : (N,) float
        In (0.5, 1), best first.
    """
    levels = _halve(photo)
    found = _confirm(levels, _propose(levels, _tiles(photo.shape, min_face)), ACCEPT)
    if not found:
        middle, side = np.array(photo.shape[1::-1]) / 2, FURTHER * max(photo.shape[:2])
        found = _confirm(levels, _propose(levels, [(middle, side, turn) for turn in TURNS]), ACCEPT_TURNED)
    widths = np.array([[face.width] for face in found]).reshape(-1, 1)
    corners = np.array([face.centre for face in found]).reshape(-1, 2) - widths / 2
    keypoints = np.array([face.keypoints for face in found]).reshape(-1, 6, 2)
    return np.hstack([corners, widths, widths]), keypoints, np.array([face.score for face in found])


def _halve(photo):
    """The photo, half of it, a quarter of it ..., so that a small view of a large photo is neither slow nor jagged."""
    levels = [photo]
    while min(levels[-1].shape[:2]) >= 2 and max(levels[-1].shape[:2]) > VIEW:
        half = [max(1, side // 2) for side in levels[-1].shape[1::-1]]
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
    return levels


def _tiles(shape, min_face):
    """Square views (centre, side, turn): the whole photo, then overlapping tiles down to the smallest face."""
    height, width = shape[:2]
    whole = max(height, width)
    views = [(np.array([width / 2, height / 2]), whole, 0)]
    side = max(SMALLEST_TILE * whole, REACH * min_face)
    if side < whole:
        rows, columns = (_spread(length, side) for length in (height, width))
        views += [(np.array([x, y]), side, 0) for y in rows for x in columns]
    return views


def _spread(length, side):
    """Centres of the fewest overlapping tiles that cover a length."""
    if length <= side:
        return np.array([length / 2])
    count = 1 + int(np.ceil((length - side) / (side * (1 - OVERLAP))))
    return np.linspace(side / 2, length - side / 2, count)


def _propose(levels, views):
    return _keep_best(_map(lambda view: _look(levels, *view), views))


def _confirm(levels, proposals, accept):
    """What a second look, upright and near, says of each proposal; more, as long as it proves to be rolled further."""

    def confirm(proposal):
        if proposal.score > PLAIN and proposal.width_in_view > PLAIN_WIDTH and abs(proposal.roll) < SKEWED:
            return [proposal]
        seen, last = _look_near(levels, proposal), proposal
        for _ in range(MOST_TURNS):
            if not seen or abs(seen.roll - last.roll) < SKEWED:
                break
            again = _look_near(levels, seen)
            if not again or again.score < seen.score - WORSE:
                break
            seen, last = again, seen
        if not seen:
            return []
        seen.score = 0.6 * seen.score + 0.4 * proposal.score
        return [seen] if seen.score > accept else []

    return _keep_best(_map(confirm, proposals))


def _look_near(levels, face):
    """The same face in a view upright and near; None if it is not seen there."""
    for near in NEAR if face.score > CLEAR else NEAR[:1]:
        for seen in _look(levels, face.centre, near * face.width, face.roll):
            if np.abs(seen.centre - face.centre).max() < face.width / 2:
                return seen
    return None


def _look(levels, centre, side, turn):
    """Faces in a square view of the photo, turned by degrees; best first."""
    scale = side / VIEW
    level = min(len(levels) - 1, max(0, int(np.log2(scale))))
    shrunk = np.array(levels[level].shape[1::-1]) / levels[0].shape[1::-1]
    radians = np.radians(turn)
    rotation = scale * np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    to_photo = np.hstack([rotation, (centre - rotation @ [VIEW / 2, VIEW / 2])[:, None]])
    view = cv2.warpAffine(
        levels[level], to_photo * shrunk[:, None], (VIEW, VIEW), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    boxes, logits = _network()(lighten(view)[None] / np.float32(127.5) - 1)
    scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -80, 80)))
    sights = []
    for row in sorted(np.flatnonzero(scores > PROPOSE), key=lambda row: -scores[row]):
        centre, size, *keypoints = boxes[0, row].reshape(-1, 2).astype(float)
        cell = np.array([row % GRID, row // GRID]) + 0.5
        places = (np.array([centre, *keypoints]) + cell * VIEW / GRID) @ rotation.T + to_photo[:, 2]
        sights.append(_Sight(places[0], size.max() * scale, float(scores[row]), places[1:], size.max()))
    return sights


def _keep_best(sights):
    """The best of those, in a list of lists, that are the same face: that cover half of the smaller one."""
    kept = []
    for face in sorted(chain(*sights), key=lambda face: -face.score):
        for other in kept:
            smaller = min(face.width, other.width)
            sides = np.clip((face.width + other.width) / 2 - np.abs(face.centre - other.centre), 0, smaller)
            if sides.prod() > smaller**2 / 2:
                break
        else:
            kept.append(face)
    return kept


def _map(function, items):
    """Several looks at once: a core each is faster than all cores for one look."""
    return [function(item) for item in items] if len(items) < 2 else list(_pool().map(function, items))


@cache
def _pool():
    return ThreadPoolExecutor(CORES, initializer=lambda: setattr(_own, "cores", 1))


def _network():
    if not hasattr(_own, "network"):
        content = (Path(__file__).parent / "static" / "blazeface.tflite").read_bytes()
        _own.network = Network(content, threads=getattr(_own, "cores", CORES))
    return _own.network


_own = threading.local()  # a network for each thread that looks, and how many cores it takes
