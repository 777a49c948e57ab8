"""The official split, and resampling and weights against class imbalance."""

import numpy as np

from ferlib.config import EMOTIONS, SPLITS


def split_faces(faces):
    """The official split: train on the first part, choose on the second, score the third once, at the end.

    Three `FaceDataset`s: Training, PublicTest and PrivateTest of `faces`. ValueError if one of them has no face.
    """
    return tuple(faces.select(rows) for rows in split_rows(faces))


def split_rows(faces, splits=SPLITS):
    """The row numbers of `split_faces`, or of some of the splits: a tuple of (N,) int64."""
    parts = tuple(np.flatnonzero(faces.split == split) for split in splits)
    for split, rows in zip(splits, parts, strict=True):
        if len(rows) == 0:
            raise ValueError(f"{faces.source} has no {split} face: give the whole of FER2013, with its three splits")
    return parts


def oversample_rows(labels, *, seed):
    """Row numbers that give every emotion as many rows as the commonest one.

    Resampling rows instead of pixels keeps memory flat and lets a split be checked for leakage.

    Parameters
    ----------
    labels : (N,) int64
        Labels of the training rows only; resampling before splitting leaks (see notebook 02).
    seed : int

    Returns
    -------
    (M,) int64
        Indices into `labels`, M = 7 x the largest class count.

    Raises
    ------
    ValueError
        If a class has no row at all.

    Examples
    --------
    >>> labels = np.array([0, 1, 2, 3, 3, 4, 5, 6])
    >>> np.bincount(labels[oversample_rows(labels, seed=7)])
    array([2, 2, 2, 2, 2, 2, 2])
    """
    from imblearn.over_sampling import RandomOverSampler

    _require_every_class(labels)
    sampler = RandomOverSampler(random_state=seed)
    sampler.fit_resample(np.arange(len(labels))[:, None], labels)
    return sampler.sample_indices_.astype(np.int64)


def leak_rows(labels, *, seed, share=0.1):
    """The mistake behind the famous 81 %: oversample all, then split at random, with duplicates on both sides.

    Parameters
    ----------
    labels : (N,) int64
        Labels of all faces, whatever their split.
    seed : int
    share : float
        Of the oversampled rows that become the "test" set.

    Returns
    -------
    train_rows, test_rows : (M,), (K,) int64
        Indices into `labels`.
    """
    from sklearn.model_selection import train_test_split

    return tuple(train_test_split(oversample_rows(labels, seed=seed), test_size=share, random_state=seed))


def class_weights(labels):
    """Loss weights that let every emotion count alike: N / (7 x its rows), scikit-learn's "balanced".

    Parameters
    ----------
    labels : (N,) int64
        Labels of the training rows.

    Returns
    -------
    dict of int to float
        For `class_weight` of `keras.Model.fit`; the mean over all rows is 1.

    Raises
    ------
    ValueError
        If a class has no row at all.
    """
    from sklearn.utils.class_weight import compute_class_weight

    _require_every_class(labels)
    weights = compute_class_weight("balanced", classes=np.arange(len(EMOTIONS)), y=labels)
    return {label: float(weight) for label, weight in enumerate(weights)}


def _require_every_class(labels):
    missing = [name for label, name in enumerate(EMOTIONS) if label not in set(np.unique(labels).tolist())]
    if missing:
        raise ValueError(f"no row is labelled {', '.join(missing)}: balancing needs every emotion at least once")
