"""FER+: ten people's votes on every face of FER2013, and the test sets that they and exact duplicates define.

Barsoum, Zhang, Canton Ferrer and Zhang (2016), "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution", arXiv:1608.01041; github.com/microsoft/FERPlus, MIT licence.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from ferlib.config import DATA_DIR, EMOTIONS, SPLITS
from ferlib.data._hashing import find_by_hash

TEST_SETS = ("published", "deduplicated", "faces_only")
"""As published; without exact duplicates of Training faces; without what FER+'s voters call no face."""

LABELS = ("fer2013", "ferplus", "majority")
"""FER2013's own; FER+'s benchmark's, of eight emotions; what more than half of all voters saw, of FER2013's seven."""

VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
"""FER+'s columns, in its order; NF is "not a face"."""

EMOTION_VOTES = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
"""`EMOTIONS` in FER+'s words."""

FERPLUS_FILE = DATA_DIR / "ferplus.npz"
"""All that is known of FER2013's faces but their pictures; made by `tools/make_ferplus.py`, see data/README.md."""


class FerPlus(NamedTuple):
    """What `load_ferplus` returns.

    Attributes
    ----------
    votes : pandas.DataFrame
        N rows of the columns `VOTES`; 0 where nobody voted.
    out_of_fold : (N, 7) float64 or None
        Out-of-fold probabilities of a simple model, see `ferlib.quality`; None for faces that are not FER2013's.
    source : str
        A sentence that says whose votes these are.
    """

    votes: pd.DataFrame
    out_of_fold: np.ndarray | None
    source: str


def load_ferplus(faces):
    """FER+'s votes for these faces.

    Whole splits in the csv's order are known by their row numbers; in another order, as class folders have it, by what
    is in the picture: a re-encoded face is found by its hash among the faces of its split and label.

    Returns `FerPlus`.
    """
    kept = _read(FERPLUS_FILE)
    split = np.array([SPLITS.index(name) for name in faces.split])
    rows = np.flatnonzero(np.isin(kept["split"], split))
    if np.array_equal(faces.labels, kept["labels"][rows]) and np.array_equal(split, kept["split"][rows]):
        found, how = rows, "by row"
    else:
        found, how = find_by_hash(faces.images, faces.labels, split, kept), "by picture"
    known = found >= 0
    if known.mean() < 0.9:  # a few of any faces resemble a few of FER2013's
        votes = pd.DataFrame(0, index=range(len(faces)), columns=list(VOTES))
        return FerPlus(votes, None, f"{faces.source}: FER+ has no votes on these faces")
    votes = pd.DataFrame(kept["votes"][found] * known[:, None], columns=list(VOTES)).astype(int)
    probabilities = np.where(known[:, None], kept["out_of_fold"][found].astype(np.float64), 1 / len(EMOTIONS))
    probabilities /= probabilities.sum(1, keepdims=True)
    return FerPlus(votes, probabilities, f"FER+'s votes on {known.sum():,} of {len(faces):,} faces, known {how}")


def load_test_votes(split):
    """FER+'s votes on a test split of FER2013: pandas.DataFrame with the columns `VOTES`, in the csv's order."""
    return pd.DataFrame(_split(split)["votes"], columns=list(VOTES)).astype(int)


def load_fer2013_labels():
    """FER2013's labels (N,) int64 and splits (N,) str, in the csv's order: they are kept with the votes."""
    kept = _read(FERPLUS_FILE)
    return kept["labels"].astype(np.int64), np.array(SPLITS)[kept["split"]]


def relabel(labels, split, labels_of):
    """The same faces of a test split with other labels.

    Parameters
    ----------
    labels : (N,) int64
        Of the split, as they stand in a run.
    split : {"PublicTest", "PrivateTest"}
    labels_of : str
        One of `LABELS`.

    Returns
    -------
    (N,) int64
        -1 for faces that have none.

    Raises
    ------
    ValueError
        If there are no such labels, or if they are FER+'s and the faces are not FER2013's.
    """
    if labels_of not in LABELS:
        raise ValueError(f"labels {labels_of!r}: expected one of {', '.join(LABELS)}")
    if labels_of == "fer2013":
        return labels
    _check_fer2013(labels, split, "labels")
    return {"ferplus": ferplus_labels, "majority": majority_labels}[labels_of](load_test_votes(split))


def _check_fer2013(labels, split, what):
    if not is_fer2013(labels, split):
        raise ValueError(
            f"the {len(labels)} {split} labels are not FER2013's {len(_split(split)['labels'])}, row by row: "
            f"such a run has {what} of its own only"
        )


def is_fer2013(labels, split):
    """Are these (N,) labels FER2013's own of a split, row by row?"""
    return np.array_equal(_split(split)["labels"], labels)


def find_rows(labels, split, test_set):
    """Rows of a test set within its split.

    Parameters
    ----------
    labels : (N,) int64
        Of the split, as they stand in a run.
    split : {"PublicTest", "PrivateTest"}
    test_set : str
        One of `TEST_SETS`. "faces_only" leaves out rows of which more than half of the votes say "not a face".

    Returns
    -------
    (M,) int64

    Raises
    ------
    ValueError
        If there is no such test set, or if it needs FER2013's rows and the labels are not theirs.
    """
    if test_set not in TEST_SETS:
        raise ValueError(f"test set {test_set!r}: expected one of {', '.join(TEST_SETS)}")
    if test_set == "published":
        return np.arange(len(labels))
    _check_fer2013(labels, split, "a test set")
    faces = _split(split)
    votes = faces["votes"]
    left_out = faces["in_training"] if test_set == "deduplicated" else 2 * votes[:, VOTES.index("NF")] > votes.sum(1)
    return np.flatnonzero(~left_out)


def majority_labels(votes, *, contempt=False):
    """The emotion that more than half of the voters saw: FER+'s labels, instead of FER2013's.

    Parameters
    ----------
    votes : pandas.DataFrame
        N rows, with the columns `VOTES`.
    contempt : bool
        Count FER+'s eighth emotion as one.

    Returns
    -------
    (N,) int64
        Index into `EMOTIONS`, or 7 for contempt; -1 where no emotion has a majority.
    """
    counts = votes[EMOTION_VOTES + ["contempt"] * contempt].to_numpy()
    return np.where(2 * counts.max(1) > votes[list(VOTES)].sum(axis=1), counts.argmax(1), -1)


def ferplus_labels(votes):
    """FER+'s labels as its benchmark has them: votes of one are dropped, then the majority decides.

    Parameters
    ----------
    votes : pandas.DataFrame
        N rows, with the columns `VOTES`.

    Returns
    -------
    (N,) int64
        Index into `EMOTIONS`, or 7 for contempt; -1 for faces that the benchmark leaves out: no majority, or one for
        unknown or "not a face". Of FER2013's 25,060, 3,199 and 3,153 faces are left.
    """
    return majority_labels(_drop_single(votes), contempt=True)


def ferplus_shares(votes):
    """What share of those who saw one of the seven emotions saw which: (N, 7) float32; votes of one are dropped.

    Rows of 0 where nobody saw one of them.
    """
    counts = _drop_single(votes)[EMOTION_VOTES].to_numpy(np.float32)
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def _drop_single(votes):
    return votes.where(votes > 1, 0)


def expected_labels(labels, votes):
    """What label FER2013 gives, on average, to faces with such votes.

    Voters and FER2013 disagree by habit, not only by chance: what FER2013 calls sad, voters often call neutral. So the
    votes are not shares of labels; a multinomial logistic regression turns the ones into the others.

    Parameters
    ----------
    labels : (N,) int64
        To fit it to.
    votes : pandas.DataFrame
        N rows, with the columns `VOTES`.

    Returns
    -------
    (N, 7) float32
        Shares that sum to 1.

    Raises
    ------
    ValueError
        If nobody voted on any of them.
    """
    from sklearn.linear_model import LogisticRegression

    counts = votes[list(VOTES)].to_numpy(np.float64)
    if not counts.any():
        raise ValueError("nobody voted on these faces: FER+ has votes for FER2013's only")
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    model = LogisticRegression(C=10, max_iter=1000).fit(shares, labels)
    expected = np.zeros((len(labels), len(EMOTIONS)), dtype=np.float32)
    expected[:, model.classes_] = model.predict_proba(shares)
    return expected


def vote_shares(votes):
    """What share of all its voters saw each of the seven emotions in a face: (N, 7) float64; 0 where nobody voted."""
    return votes[EMOTION_VOTES].to_numpy() / np.maximum(votes[list(VOTES)].to_numpy().sum(1, keepdims=True), 1)


def vote_entropy(votes):
    """How much the voters of each face disagree: (N,) float64, bits of all ten answers; NaN where nobody voted."""
    counts = votes[list(VOTES)].to_numpy(float)
    total = counts.sum(1, keepdims=True)
    shares = np.divide(counts, total, where=total > 0, out=np.full_like(counts, np.nan))
    return -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(1)


@lru_cache
def _read(path):
    with np.load(path) as file:
        return dict(file)


@lru_cache
def _split(name):
    """What is kept of the faces of one split, by name."""
    kept = _read(FERPLUS_FILE)
    rows = kept["split"] == SPLITS.index(name)
    return {key: values[rows] for key, values in kept.items()}
