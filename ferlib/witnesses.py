"""Two witnesses of every label: the people who voted for FER+, and a simple model that never saw the face."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from ferlib.config import EMOTIONS, MODELS_DIR, SPLITS
from ferlib.quality import describe_edges, fault_table, find_duplicates
from ferlib.testsets import EMOTION_VOTES, VOTES, check_votes, majority_labels
from ferlib.twins import describe_coarsely

WITNESSES = MODELS_DIR / "witnesses.npz"
"""What is known of FER2013's faces but their pictures; see `write_witnesses` and models/README.md."""


class Witnesses(NamedTuple):
    """What `load_witnesses` returns."""

    votes: pd.DataFrame
    probabilities: np.ndarray
    source: str


def write_witnesses(faces, votes, path=WITNESSES):
    """Keep FER+'s votes and the model's probabilities for every face: no pixel, but a hash to know the face by.

    Made once, from FER2013 and FER+'s `fer2013new.csv`; takes half a minute:

        write_witnesses(load_faces(), pd.read_csv("fer2013new.csv"))

    Parameters
    ----------
    faces : Faces
        FER2013, in the csv's row order.
    votes : pandas.DataFrame
        FER+'s table, whose row i belongs to row i of FER2013.
    path : path

    Raises
    ------
    ValueError
        If the rows of the two do not belong together.

    References
    ----------
    Barsoum, Zhang, Canton Ferrer and Zhang (2016), arXiv:1608.01041; github.com/microsoft/FERPlus, MIT licence.
    """
    check_votes(faces, votes)
    np.savez_compressed(
        path,
        votes=votes[list(VOTES)].to_numpy(np.uint8),
        probabilities=estimate_probabilities(faces, seed=0).astype(np.float16),
        labels=faces.labels.astype(np.uint8),
        usage=np.array([SPLITS.index(usage) for usage in faces.usage], dtype=np.uint8),
        hashes=_hash(faces.images),
    )


def load_witnesses(faces, path=WITNESSES):
    """FER+'s votes and the model's probabilities for these faces.

    Rows in the csv's order are known by their number; in another order, as class folders have it, by what is in the
    picture: a re-encoded face is found by its hash among the faces of its split and label.

    Parameters
    ----------
    faces : Faces

    Returns
    -------
    Witnesses
        `votes`, N rows of the columns `VOTES`, 0 where nobody voted; `probabilities` (N, 7) float64, out of sample;
        `source`, a sentence that says whose they are. Of faces that are not FER2013's nobody has voted, and the
        model is fitted now.
    """
    kept = _read(path)
    usage = np.array([SPLITS.index(name) for name in faces.usage])
    if np.array_equal(faces.labels, kept["labels"]) and np.array_equal(usage, kept["usage"]):
        found, how = np.arange(len(faces)), "by row"
    else:
        found, how = _find_by_hash(faces, usage, kept), "by picture"
    known = found >= 0
    if known.mean() < 0.9:  # a few of any faces resemble a few of FER2013's
        source = (
            f"{faces.source}: nobody voted on these faces, so what voters say stays empty; the model was fitted now"
        )
        votes = pd.DataFrame(0, index=range(len(faces)), columns=list(VOTES))
        return Witnesses(votes, estimate_probabilities(faces, seed=0), source)
    votes = pd.DataFrame(kept["votes"][found] * known[:, None], columns=list(VOTES)).astype(int)
    probabilities = np.where(known[:, None], kept["probabilities"][found].astype(np.float64), 1 / len(EMOTIONS))
    probabilities /= probabilities.sum(1, keepdims=True)
    source = f"{known.sum():,} of {len(faces):,} faces are known {how}: FER+'s votes, and a model that never saw them"
    return Witnesses(votes, probabilities, source)


def expect_labels(labels, votes):
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


def estimate_probabilities(faces, *, seed, folds=5):
    """Out-of-fold probabilities of a simple model: edges (HOG), seen by a linear classifier.

    Parameters
    ----------
    faces : Faces
    seed : int
    folds : int
        Copies of a face share a fold, else the model would remember the label of the twin.

    Returns
    -------
    (N, 7) float64
        Each row from a model that was not fitted on it.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    copies, groups = find_duplicates(faces), np.arange(len(faces))
    groups[copies["row"]] = copies.groupby("group")["row"].transform("first")
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return cross_val_predict(
        model, describe_edges(faces.images), faces.labels, groups=groups, cv=splitter, method="predict_proba"
    )


def find_suspect_labels(faces, probabilities, votes=None):
    """Faces whose label one of two witnesses contradicts; those that both contradict come first.

    Parameters
    ----------
    faces : Faces
    probabilities : (N, 7) float
        Out of sample: from `load_witnesses`, `estimate_probabilities`, or a run on the splits that it was not trained
        on. The model is a witness against a label by confident learning.
    votes : pandas.DataFrame, optional
        N rows, with the columns `VOTES`. The voters are witnesses against a label if more than half of them see
        another emotion of the seven.

    Returns
    -------
    pandas.DataFrame
        row, label, usage, fault ("suspect label"), reason, evidence (0..1: the label's share of the votes and its
        probability by the model, on average), voters and model (bool: who contradicts), suggested (an emotion: the
        voters', or else the model's); both before one, then the least evidence for the label first.

    References
    ----------
    Northcutt, Jiang and Chuang (2021), "Confident Learning", arXiv:1911.00068; the package cleanlab.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    labels, probabilities = np.asarray(faces.labels), np.asarray(probabilities, dtype=np.float64)
    model = find_label_issues(labels, probabilities, n_jobs=1)
    quality, suggested = get_label_quality_scores(labels, probabilities), probabilities.argmax(1)
    voters = np.zeros(len(labels), dtype=bool)
    if votes is not None and votes.to_numpy().any():
        majority = majority_labels(votes)
        voters = (majority >= 0) & (majority != labels)
        suggested = np.where(voters, majority, suggested)
        quality = (quality + vote_shares(votes)[np.arange(len(labels)), labels]) / 2
    rows = np.flatnonzero(voters | model)
    rows = rows[np.lexsort((quality[rows], -(voters & model)[rows].astype(int)))]
    who = np.select([voters & model, voters], ["voters and model", "voters"], "model")[rows]
    names = np.array(EMOTIONS)[suggested[rows]]
    reasons = [f"{name}: {emotion}" for name, emotion in zip(who, names, strict=True)]
    table = fault_table(faces, rows, fault="suspect label", reason=reasons, evidence=quality[rows])
    return table.assign(voters=voters[rows], model=model[rows], suggested=names)


def find_non_faces(faces, votes):
    """Pictures that more than half of the voters call no face.

    Returns
    -------
    pandas.DataFrame
        row, label, usage, fault ("no face"), reason, evidence (votes for "not a face").
    """
    rows = np.flatnonzero(2 * votes["NF"] > votes[list(VOTES)].sum(axis=1))
    return fault_table(faces, rows, fault="no face", reason="voters: not a face", evidence=votes["NF"].to_numpy()[rows])


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


def _hash(images):
    """A perceptual hash: 64 bits, the signs of the coarse light and shade: (N,) uint64."""
    signs = describe_coarsely(images).reshape(len(images), -1) > 0
    return np.packbits(signs, axis=1).view(np.uint64).ravel()


def _find_by_hash(faces, usage, kept, *, most_bits=8):
    """Row of FER2013 that each face is, or -1: the nearest hash of the same split and label, if near enough."""
    found, hashes = np.full(len(faces), -1), _hash(faces.images)
    for split in range(len(SPLITS)):
        for label in range(len(EMOTIONS)):
            rows = np.flatnonzero((usage == split) & (faces.labels == label))
            theirs = np.flatnonzero((kept["usage"] == split) & (kept["labels"] == label))
            for part in np.array_split(rows, 1 + len(rows) // 1000) if len(theirs) else ():
                bits = np.bitwise_count(hashes[part][:, None] ^ kept["hashes"][theirs])
                near = bits.argmin(1)
                found[part] = np.where(bits[np.arange(len(part)), near] <= most_bits, theirs[near], -1)
    return found
