"""What is wrong with the pictures: tables of blank, odd and repeated faces, with row numbers, reason and evidence."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ferlib.config import EMOTIONS, IMAGE_SIZE, SPLITS


@dataclass(frozen=True)
class Rule:
    """When a score makes a picture a suspect.

    Attributes
    ----------
    score : str
        A column of `measure_pictures`.
    threshold : float
    above : bool
        Suspect above the threshold, or below it?
    reason : str
    """

    score: str
    threshold: float
    above: bool
    reason: str


PICTURE_RULES = {
    "blank": Rule("spread", 3, False, "one shade of grey"),
    "unlike a face": Rule("likeness", 0.7, False, "edges unlike those of the mean face"),
    "blurred": Rule("sharpness", 0.4, False, "no fine detail"),
    "dark": Rule("brightness", 30, False, "nearly black"),
    "bright": Rule("brightness", 215, True, "nearly white"),
    "faint": Rule("spread", 20, False, "hardly any contrast"),
    "text": Rule("strokes", 15, True, "a band of thin strokes: a caption or watermark"),
    "drawing": Rule("tones", 3.5, False, "few tones: a drawing, or a sign"),
}
"""Faults of single pictures. Each threshold is a choice; notebook 01 shows how many faces another one would find."""


def measure_pictures(faces):
    """One score a column for every fault that a single picture can have.

    Parameters
    ----------
    faces : Faces

    Returns
    -------
    pandas.DataFrame
        N rows: brightness (mean, 0..255), spread (standard deviation of the grey values), sharpness (standard deviation
        of the Laplacian over spread), tones (entropy of 64 grey levels from darkest to lightest, 0..6 bits), strokes
        (how much more thin light strokes the busiest 7 lines have than the median line, in grey values), likeness
        (cosine of the face's edges and the mean edges of all, 0..1).
    """
    import cv2

    pixels = np.ascontiguousarray(faces.images).reshape(len(faces), -1)
    stroke = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 1))
    scores = {"brightness": pixels.mean(1, dtype=np.float32), "spread": pixels.std(1, dtype=np.float32)}
    detail, strokes, tones = (np.empty(len(faces), np.float32) for _ in range(3))
    for row, image in enumerate(faces.images):
        detail[row] = cv2.Laplacian(image, cv2.CV_32F).std()
        # an opening removes what is thinner than the stroke; 60: a caption counts no more than a watermark
        thin = cv2.min(cv2.morphologyEx(image, cv2.MORPH_TOPHAT, stroke), 60).mean(1, dtype=np.float32)
        strokes[row] = cv2.blur(thin[:, None], (1, 7)).max() - np.median(thin)
        stretched = cv2.normalize(image, None, 0, 63, cv2.NORM_MINMAX)  # a dark photo has many tones too
        levels = np.bincount(stretched.ravel(), minlength=64) / image.size
        tones[row] = -(levels * np.log2(levels, where=levels > 0, out=np.zeros(64))).sum()
    edges = describe_edges(faces.images)
    mean = edges.mean(0)
    likeness = edges @ mean / np.maximum(np.linalg.norm(edges, axis=1) * np.linalg.norm(mean), 1e-6)
    sharpness = detail / np.maximum(scores["spread"], 1)
    return pd.DataFrame(scores).assign(sharpness=sharpness, tones=tones, strokes=strokes, likeness=likeness)


def find_poor_pictures(faces, scores=None, *, rules=PICTURE_RULES):
    """Pictures with a score beyond its threshold.

    Parameters
    ----------
    faces : Faces
    scores : pandas.DataFrame, optional
        From `measure_pictures`.
    rules : dict of str to Rule

    Returns
    -------
    pandas.DataFrame
        row, label, usage, fault (a key of `rules`), reason, evidence (the score); worst first, fault by fault. A blank
        picture has no other fault.
    """
    scores = measure_pictures(faces) if scores is None else scores
    tables, blank = [], np.zeros(len(faces), dtype=bool)
    for fault, rule in rules.items():
        score = scores[rule.score].to_numpy()
        beyond = score > rule.threshold if rule.above else score < rule.threshold
        rows = np.flatnonzero(beyond & ~blank)
        rows = rows[np.argsort(-score[rows] if rule.above else score[rows], kind="stable")]
        tables.append(fault_table(faces, rows, fault=fault, reason=rule.reason, evidence=score[rows]))
        blank |= beyond & (fault == "blank")
    return pd.concat(tables, ignore_index=True)


def find_duplicates(faces):
    """Groups of faces that are identical to the byte.

    Parameters
    ----------
    faces : Faces

    Returns
    -------
    pandas.DataFrame
        row, label, usage, fault ("copy"), reason, evidence (faces in the group), group (numbered from 0), conflict
        (their labels differ), leak (they stand in more than one split), kept (the one of its group to keep: in the
        last split, so that no twin of a tested face stays in Training, and there the first).
    """
    pixels = np.ascontiguousarray(faces.images).reshape(len(faces), -1)
    _, group, copies = np.unique(pixels.view(f"V{pixels.shape[1]}").ravel(), return_inverse=True, return_counts=True)
    rows = np.flatnonzero(copies[group] > 1)
    table = fault_table(faces, rows, fault="copy", reason="", evidence=copies[group[rows]]).assign(group=group[rows])
    groups = table.groupby("group")
    table["conflict"] = groups["label"].transform("nunique") > 1
    table["leak"] = groups["usage"].transform("nunique") > 1
    last_first = table.assign(split=-table["usage"].map(SPLITS.index)).sort_values(["split", "row"])
    table["kept"] = ~last_first["group"].duplicated()
    labels = groups["label"].agg(lambda names: ", ".join(sorted(set(names)))).loc[table["group"]]
    table["reason"] = [
        f"one of {n} copies, labelled {names}" for n, names in zip(table["evidence"], labels, strict=True)
    ]
    table = table.sort_values(["evidence", "group", "row"], ascending=[False, True, True])
    return table.assign(group=pd.factorize(table["group"])[0]).reset_index(drop=True)


def find_leaks(train_images, test_images):
    """Test faces with an identical twin among the training faces.

    Parameters
    ----------
    train_images, test_images : (N, 48, 48), (M, 48, 48) uint8

    Returns
    -------
    (M,) bool
        True where a test face is also trained on, so that remembering is enough to read it.
    """
    trained = {image.tobytes() for image in train_images}
    return np.array([image.tobytes() in trained for image in test_images], dtype=bool)


def leak_meter(train_rows, test_rows, faces):
    """How much of a test set is also trained on, emotion by emotion.

    Parameters
    ----------
    train_rows, test_rows : (M,), (K,) int64
        Indices into `faces`, as a split gives them; the same row may come several times.
    faces : Faces

    Returns
    -------
    pandas.DataFrame
        Indexed by emotion, and "all": n (test rows), twins (those with an identical face in training), share.
    """
    leaked, labels = find_leaks(faces.images[train_rows], faces.images[test_rows]), faces.labels[test_rows]
    chosen = {emotion: labels == label for label, emotion in enumerate(EMOTIONS)} | {"all": labels >= 0}
    counts = {name: (rows.sum(), leaked[rows].sum()) for name, rows in chosen.items()}
    table = pd.DataFrame.from_dict(counts, orient="index", columns=["n", "twins"])
    return table.assign(share=table["twins"] / table["n"])


def describe_edges(images):
    """Histograms of oriented gradients (Dalal and Triggs 2005): a face as 900 numbers that a linear model can use.

    Parameters
    ----------
    images : (N, 48, 48) uint8

    Returns
    -------
    (N, 900) float32
    """
    import cv2

    hog = cv2.HOGDescriptor((IMAGE_SIZE, IMAGE_SIZE), (16, 16), (8, 8), (8, 8), 9)
    return np.stack([hog.compute(np.ascontiguousarray(image)).ravel() for image in images])


def fault_table(faces, rows, *, fault, reason, evidence):
    """What every table of faults begins with: row, label, usage, fault, reason, evidence (a number)."""
    rows = np.asarray(rows, dtype=np.int64)
    columns = {"row": rows, "label": np.array(EMOTIONS)[faces.labels[rows]], "usage": faces.usage[rows]}
    return pd.DataFrame(columns).assign(fault=fault, reason=reason, evidence=np.asarray(evidence))
