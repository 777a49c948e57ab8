"""What is wrong with the data: tables of blank, duplicate, leaked and mislabelled faces, with row numbers."""

import numpy as np
import pandas as pd

from ferlib.config import EMOTIONS, IMAGE_SIZE


def find_blanks(faces, *, spread=5.0):
    """Faces that are one shade of grey.

    Parameters
    ----------
    faces : Faces
    spread : float
        Standard deviation of the grey values (0..255) below which a face counts as blank.

    Returns
    -------
    pandas.DataFrame
        row, label, usage, spread.
    """
    spreads = faces.images.reshape(len(faces), -1).std(1, dtype=np.float32)
    rows = np.flatnonzero(spreads < spread)
    return _table(faces, rows).assign(spread=spreads[rows])


def find_duplicates(faces):
    """Groups of faces that are identical to the byte.

    Parameters
    ----------
    faces : Faces

    Returns
    -------
    pandas.DataFrame
        row, label, usage, group (numbered from 0), copies (faces in the group), conflict (their labels differ), leak
        (they stand in more than one split).
    """
    pixels = np.ascontiguousarray(faces.images.reshape(len(faces), -1))
    _, group = np.unique(pixels.view(f"V{pixels.shape[1]}").ravel(), return_inverse=True)
    table = _table(faces, np.arange(len(faces))).assign(group=group)
    groups = table.groupby("group")
    table["copies"] = groups["row"].transform("size")
    table["conflict"] = groups["label"].transform("nunique") > 1
    table["leak"] = groups["usage"].transform("nunique") > 1
    table = table[table["copies"] > 1].sort_values(["copies", "group", "row"], ascending=[False, True, True])
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


def find_near_duplicates(faces, *, similarity=0.98):
    """Pairs of faces that are almost the same picture: brighter, shifted by a pixel, re-encoded or mirrored.

    A coarse copy of each face proposes pairs; the correlation of all pixels, at the best shift of up to one pixel,
    confirms.

    Parameters
    ----------
    faces : Faces
    similarity : float
        Correlation from which a pair is confirmed; 1 is the same but for brightness and contrast.

    Returns
    -------
    pandas.DataFrame
        row, twin (row < twin), similarity, mirrored; most alike first, exact duplicates left out.
    """
    from sklearn.neighbors import NearestNeighbors

    images = np.asarray(faces.images)
    textured = np.flatnonzero(images.reshape(len(images), -1).std(1, dtype=np.float32) >= 5)
    images = images[textured]
    coarse = _normalised(images.reshape(-1, 16, 3, 16, 3).mean((2, 4)))
    neighbours = NearestNeighbors(radius=np.sqrt(2 - 2 * (similarity - 0.05)), algorithm="brute").fit(coarse)
    found = []
    for mirrored in (False, True):
        query = coarse.reshape(-1, 16, 16)[..., ::-1].reshape(coarse.shape) if mirrored else coarse
        near = neighbours.radius_neighbors(query, return_distance=False)
        for row, twins in enumerate(near):
            for twin in twins[twins > row]:
                first = images[row, :, ::-1] if mirrored else images[row]
                if not mirrored and np.array_equal(first, images[twin]):
                    continue
                alike = _best_correlation(first, images[twin])
                if alike >= similarity:
                    found.append((textured[row], textured[twin], alike, mirrored))
    table = pd.DataFrame(found, columns=["row", "twin", "similarity", "mirrored"])
    return table.sort_values("similarity", ascending=False, ignore_index=True)


def find_suspect_labels(faces, probabilities):
    """Faces whose label a model that never saw them finds implausible, by confident learning.

    Parameters
    ----------
    faces : Faces
    probabilities : (N, 7) float
        Out of sample: from `estimate_probabilities`, or from a run on the splits that it was not trained on.

    Returns
    -------
    pandas.DataFrame
        row, label, usage, suggested (emotion), quality (0..1, the label's; lowest first).

    References
    ----------
    Northcutt, Jiang and Chuang (2021), "Confident Learning", arXiv:1911.00068; the package cleanlab.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    labels, probabilities = np.asarray(faces.labels), np.asarray(probabilities, dtype=np.float64)
    quality = get_label_quality_scores(labels, probabilities)
    rows = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    suggested = [EMOTIONS[label] for label in probabilities[rows].argmax(1)]
    return _table(faces, rows).assign(suggested=suggested, quality=quality[rows])


def estimate_probabilities(faces, *, seed, folds=5):
    """Out-of-fold probabilities of a simple model: edges (HOG), seen by a linear classifier. Takes seconds.

    Parameters
    ----------
    faces : Faces
    seed : int
    folds : int

    Returns
    -------
    (N, 7) float64
        Each row from a model that was not fitted on it.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return cross_val_predict(model, describe_edges(faces.images), faces.labels, cv=splitter, method="predict_proba")


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


def _table(faces, rows):
    return pd.DataFrame(
        {"row": rows, "label": [EMOTIONS[label] for label in faces.labels[rows]], "usage": faces.usage[rows]}
    )


def _normalised(images):
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _best_correlation(first, second):
    """Highest correlation of two images over shifts of up to one pixel."""
    centre = _normalised(first[None, 1:-1, 1:-1])[0]
    shifts = [second[y : y + IMAGE_SIZE - 2, x : x + IMAGE_SIZE - 2] for y in range(3) for x in range(3)]
    return float((_normalised(np.stack(shifts)) @ centre).max())
