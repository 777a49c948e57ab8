"""The same picture again, but not to the byte: shifted, cropped closer, brightened, watermarked, mirrored."""

from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import cv2
import numpy as np
import pandas as pd

from ferlib.config import SPLITS
from ferlib.quality import fault_table

_WAVES = 8  # across and down: fine enough to tell faces apart, too coarse to see a watermark
_BLOCK = 2048  # rows compared at once, so that memory stays flat


def describe_coarsely(images):
    """The coarse light and shade of each face, as a perceptual hash does it, but not rounded to bits.

    Parameters
    ----------
    images : (N, 48, 48) uint8

    Returns
    -------
    (N, 8, 8) float32
        The lowest frequencies (DCT) of the face at 16x16 pixels, of length 1; without the mean, so that brightness
        and contrast do not matter. Mirroring a face turns the sign of every second column.
    """
    small = images.reshape(-1, 16, 3, 16, 3).mean((2, 4), dtype=np.float32)
    across = cv2.dct(np.eye(16, dtype=np.float32), flags=cv2.DCT_ROWS).T[:_WAVES]
    waves = across @ small @ across.T
    waves[:, 0, 0] = 0
    return waves / np.maximum(np.linalg.norm(waves, axis=(1, 2), keepdims=True), 1e-6)


def find_near_duplicates(faces, *, similarity=0.985, likeness=0.92):
    """Pairs of faces that are the same picture, but not the same bytes.

    Equal light and shade proposes a pair. Then one picture is laid over the other, moved, scaled and turned as fits
    best, and the correlation of all their pixels confirms the pair or not.

    Parameters
    ----------
    faces : Faces
    similarity : float
        Correlation from which a pair is confirmed; notebook 01 shows what other values would find.
    likeness : float
        Cosine of two `describe_coarsely` from which a pair is proposed: lower finds closer crops, and takes longer.

    Returns
    -------
    pandas.DataFrame
        row, label, usage, twin (another row: the one to keep, in the later split or else the earlier row), mirrored,
        fault ("near copy"), reason, evidence (the correlation); most alike first. Of exact duplicates only the first
        is compared; blank faces are not.

    References
    ----------
    Evangelidis and Psarakis (2008), "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization",
    IEEE PAMI 30(10); OpenCV's `findTransformECC`.
    """
    pixels = np.ascontiguousarray(faces.images).reshape(len(faces), -1)
    rows = np.sort(np.unique(pixels.view(f"V{pixels.shape[1]}").ravel(), return_index=True)[1])
    rows = rows[pixels[rows].std(1, dtype=np.float32) >= 5]
    images = faces.images[rows]
    waves = describe_coarsely(images)
    found = []
    for mirrored in (False, True):
        query = waves * np.tile([1, -1], _WAVES // 2).astype(np.float32) if mirrored else waves
        pairs = _propose(query.reshape(len(rows), -1), waves.reshape(len(rows), -1), likeness)
        flipped = images[:, :, ::-1] if mirrored else images
        with ThreadPoolExecutor(cpu_count()) as pool:
            alike = pool.map(lambda pair, flipped=flipped: _align(flipped[pair[0]], images[pair[1]]), pairs)
            found += [(*rows[pair], score, mirrored) for pair, score in zip(pairs, alike, strict=True)]
    found = pd.DataFrame(found, columns=["row", "twin", "evidence", "mirrored"]).astype({"row": int, "twin": int})
    found = found[found["evidence"] >= similarity].sort_values("evidence", ascending=False, ignore_index=True)
    swap = keeps_first(faces.usage, found["row"], found["twin"])
    found.loc[swap, ["row", "twin"]] = found.loc[swap, ["twin", "row"]].to_numpy()
    reasons = [
        f"{'mirrors' if mirrored else 'shows the same as'} row {twin} ({faces.usage[twin]})"
        for twin, mirrored in zip(found["twin"], found["mirrored"], strict=True)
    ]
    table = fault_table(faces, found["row"], fault="near copy", reason=reasons, evidence=found["evidence"])
    return table.assign(twin=found["twin"], mirrored=found["mirrored"])


def keeps_first(usage, first, second):
    """Which of two twins is to keep: True where it is the first.

    The one in the later split, so that no face stays in Training whose twin is tested; else the earlier row.
    """
    order = {name: place for place, name in enumerate(SPLITS)}
    places = [np.array([order[name] for name in usage[rows]], dtype=int) for rows in (first, second)]
    return (places[0] > places[1]) | ((places[0] == places[1]) & (np.asarray(first) < np.asarray(second)))


def _propose(query, waves, likeness):
    """Pairs (i < j) whose vectors have a cosine of at least `likeness`: (M, 2) int64."""
    pairs = [np.empty((0, 2), np.int64)]
    for start in range(0, len(waves), _BLOCK):
        near = np.argwhere(query[start : start + _BLOCK] @ waves[start:].T >= likeness) + start
        pairs.append(near[near[:, 0] < near[:, 1]])
    return np.concatenate(pairs)


def _align(first, second):
    """Correlation of two images, one laid over the other as fits best."""
    steps = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
    try:
        start = np.eye(2, 3, dtype=np.float32)
        return cv2.findTransformECC(np.ascontiguousarray(first), second, start, cv2.MOTION_AFFINE, steps, None, 3)[0]
    except cv2.error:  # no such transform: the two do not match anywhere
        return -1.0
