"""The same picture again, to the byte or nearly: duplicates, near duplicates, and leakage from Training into a test."""

from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import cv2
import numpy as np
import pandas as pd

from ferlib.config import EMOTIONS, SPLITS
from ferlib.data import dct_signatures
from ferlib.quality._images import issue_table

_BLOCK = 2048  # rows compared at once, so that memory stays flat


def find_duplicates(faces):
    """Groups of faces that are identical to the byte.

    Returns
    -------
    pandas.DataFrame
        Of issues ("exact duplicate"; score: faces in the group), with group (numbered from 0),
        conflict (their labels differ), leak (they stand in more than one split), kept (the one of its group to keep:
        in the last split, so that no duplicate of a tested face stays in Training, and there the first).
    """
    group, _ = group_identical(faces.images)
    copies = np.bincount(group)[group]
    rows = np.flatnonzero(copies > 1)
    table = issue_table(faces, rows, issue="exact duplicate", reason="", score=copies[rows]).assign(group=group[rows])
    groups = table.groupby("group")
    table["conflict"] = groups["label"].transform("nunique") > 1
    table["leak"] = groups["split"].transform("nunique") > 1
    last_first = table.assign(split=-table["split"].map(SPLITS.index).astype(int)).sort_values(["split", "row"])
    table["kept"] = ~last_first["group"].duplicated()
    labels = groups["label"].agg(lambda names: ", ".join(sorted(set(names)))).loc[table["group"]]
    table["reason"] = [f"one of {n} copies, labelled {names}" for n, names in zip(table["score"], labels, strict=True)]
    table = table.sort_values(["score", "group", "row"], ascending=[False, True, True])
    return table.assign(group=pd.factorize(table["group"])[0]).reset_index(drop=True)


def group_identical(images):
    """Number of the group of byte-identical images that each belongs to, and row of its first: both (N,) int64."""
    pixels = np.ascontiguousarray(images).reshape(len(images), -1)
    _, first, group = np.unique(pixels.view(f"V{pixels.shape[1]}").ravel(), return_index=True, return_inverse=True)
    return group, first[group]


def find_near_duplicates(faces, *, similarity=0.985, candidate_similarity=0.92):
    """Pairs of faces that are the same picture, but not the same bytes.

    Equal light and shade proposes a pair. Then one picture is laid over the other, moved, scaled and turned as fits
    best, and the correlation of all their pixels confirms the pair or not.

    Parameters
    ----------
    similarity : float
        Correlation from which a pair is confirmed; notebook 01 shows what other values would find.
    candidate_similarity : float
        Cosine of two `dct_signatures` from which a pair is proposed: lower finds closer crops, and takes longer.

    Returns
    -------
    pandas.DataFrame
        Of issues ("near duplicate"; score: the correlation), most alike first, with duplicate_of (another row: the one
        to keep, in the later split or else the earlier row) and mirrored (bool). Of exact duplicates only the first is
        compared; blank faces are not.

    References
    ----------
    Evangelidis and Psarakis (2008), "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization",
    IEEE PAMI 30(10); OpenCV's `findTransformECC`.
    """
    rows = np.unique(group_identical(faces.images)[1])
    rows = rows[faces.images[rows].reshape(len(rows), -1).std(1, dtype=np.float32) >= 5]
    images = faces.images[rows]
    signatures = dct_signatures(images)
    found = []
    for mirrored in (False, True):
        query = signatures * np.tile([1, -1], signatures.shape[-1] // 2).astype(np.float32) if mirrored else signatures
        pairs = _propose_pairs(query, signatures, candidate_similarity)
        flipped = images[:, :, ::-1] if mirrored else images
        with ThreadPoolExecutor(cpu_count()) as pool:
            scores = pool.map(lambda pair, flipped=flipped: _correlate(flipped[pair[0]], images[pair[1]]), pairs)
            found += [(*rows[pair], score, mirrored) for pair, score in zip(pairs, scores, strict=True)]
    columns = {"row": int, "duplicate_of": int, "score": float, "mirrored": bool}
    found = pd.DataFrame(found, columns=list(columns)).astype(columns)
    found = found[found["score"] >= similarity].sort_values("score", ascending=False, ignore_index=True)
    place = np.array([SPLITS.index(split) for split in faces.split])
    one, other = found["row"], found["duplicate_of"]
    keep_one = (place[one] > place[other]) | ((place[one] == place[other]) & (one < other))
    found.loc[keep_one, ["row", "duplicate_of"]] = found.loc[keep_one, ["duplicate_of", "row"]].to_numpy()
    reasons = [
        f"{'mirrors' if mirrored else 'shows the same as'} row {kept} ({faces.split[kept]})"
        for kept, mirrored in zip(found["duplicate_of"], found["mirrored"], strict=True)
    ]
    table = issue_table(faces, found["row"], issue="near duplicate", reason=reasons, score=found["score"])
    return table.assign(duplicate_of=found["duplicate_of"], mirrored=found["mirrored"])


def _propose_pairs(query, signatures, least):
    """Pairs (i < j) whose signatures have a cosine of at least `least`: (M, 2) int64."""
    query, signatures = (one.reshape(len(one), np.prod(one.shape[1:])) for one in (query, signatures))
    pairs = [np.empty((0, 2), np.int64)]
    for start in range(0, len(signatures), _BLOCK):
        near = np.argwhere(query[start : start + _BLOCK] @ signatures[start:].T >= least) + start
        pairs.append(near[near[:, 0] < near[:, 1]])
    return np.concatenate(pairs)


def _correlate(first, second):
    """Correlation of two images, one laid over the other as fits best."""
    steps = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
    try:
        start = np.eye(2, 3, dtype=np.float32)
        return cv2.findTransformECC(np.ascontiguousarray(first), second, start, cv2.MOTION_AFFINE, steps, None, 3)[0]
    except cv2.error:  # no such transform: the two do not match anywhere
        return -1.0


def leakage_by_emotion(train_rows, test_rows, faces):
    """Train/test leakage, emotion by emotion.

    Parameters
    ----------
    train_rows, test_rows : (M,), (K,) int64
        Indices into `faces`, as a split gives them; the same row may come several times.

    Returns
    -------
    pandas.DataFrame
        Indexed by emotion, and "all": n (test rows), duplicates (those with an exact duplicate in training), share.
    """
    _, first = group_identical(faces.images)
    leaked, labels = np.isin(first[test_rows], first[train_rows]), faces.labels[test_rows]
    chosen = {emotion: labels == label for label, emotion in enumerate(EMOTIONS)} | {"all": labels >= 0}
    counts = {name: (rows.sum(), leaked[rows].sum()) for name, rows in chosen.items()}
    table = pd.DataFrame.from_dict(counts, orient="index", columns=["n", "duplicates"])
    return table.assign(share=table["duplicates"] / table["n"])


def find_train_duplicates(faces, near=None):
    """Which faces of the test splits have a duplicate in Training: (N,) str.

    "exact duplicate", "near duplicate" (if `near` is given) or ""; always "" for rows of Training.
    """
    training = faces.split == "Training"
    seen = np.full(len(faces), "", dtype="U15")
    _, first = group_identical(faces.images)
    if near is not None:
        # of exact duplicates `near` names the first only, so its pairs hold for all of them
        one, other = first[near[["row", "duplicate_of"]].to_numpy()].T
        trained = np.isin(np.arange(len(faces)), first[training])
        seen[np.isin(first, [*one[trained[other]], *other[trained[one]]])] = "near duplicate"
    seen[np.isin(first, first[training])] = "exact duplicate"
    seen[training] = ""
    return seen
