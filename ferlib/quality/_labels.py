"""Label quality: what FER+'s annotators say of a label, and what a simple model that never saw the face says."""

import warnings

import numpy as np

from ferlib.config import EMOTIONS
from ferlib.data import VOTES, majority_labels, vote_shares
from ferlib.quality._duplicates import group_identical
from ferlib.quality._images import hog_features, issue_table


def out_of_fold_probabilities(faces, *, seed, folds=5):
    """Out-of-fold probabilities of a linear classifier on HOG features.

    Parameters
    ----------
    seed : int
    folds : int
        Exact duplicates share a fold, else the model would remember the label of the other one.

    Returns
    -------
    (N, 7) float64
        Each row from a model that was not fitted on it; NaN where an emotion has fewer than `folds` different faces.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    _, groups = group_identical(faces.images)
    learnable = find_learnable(faces, folds=folds)
    rows, probabilities = np.isin(faces.labels, learnable), np.full((len(faces), len(EMOTIONS)), np.nan)
    if len(learnable) < 2:
        return probabilities
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    options = {"groups": groups[rows], "cv": splitter, "method": "predict_proba"}
    probabilities[rows] = 0
    probabilities[np.ix_(rows, learnable)] = cross_val_predict(
        model, hog_features(faces.images)[rows], faces.labels[rows], **options
    )
    return probabilities


def find_learnable(faces, *, folds=5):
    """Labels with at least `folds` different faces: (M,) int64."""
    pairs = np.unique([faces.labels, group_identical(faces.images)[0]], axis=1)
    return np.flatnonzero(np.bincount(pairs[0], minlength=len(EMOTIONS)) >= folds)


def label_probabilities(faces, ferplus):
    """Out-of-fold probabilities, (N, 7) float64: those of `ferplus`; computed now for faces that it does not know."""
    return out_of_fold_probabilities(faces, seed=0) if ferplus.out_of_fold is None else ferplus.out_of_fold


def find_label_issues(faces, probabilities, votes=None):
    """Faces whose label annotators or a model contradict; those that both contradict come first.

    Parameters
    ----------
    probabilities : (N, 7) float
        Out of sample: from `label_probabilities`, or a run on the splits that it was not trained on. The model
        contradicts a label by confident learning; rows of NaN are not judged.
    votes : pandas.DataFrame, optional
        The voters contradict a label if more than half of them see another emotion of the seven.

    Returns
    -------
    pandas.DataFrame
        Of issues ("label issue"; score, 0..1: the label's share of the votes and its probability by the model, on
        average), with voters and model (bool: who contradicts), suggested (an emotion: the
        voters', or else the model's); both before one, then the least score for the label first.

    References
    ----------
    Northcutt, Jiang and Chuang (2021), "Confident Learning", arXiv:1911.00068; the package cleanlab.
    """
    from cleanlab.filter import find_label_issues as confident_learning

    labels, probabilities = np.asarray(faces.labels), np.asarray(probabilities, dtype=np.float64)
    quality, suggested = probabilities[np.arange(len(labels)), labels], probabilities.argmax(1)
    model, voters = np.zeros((2, len(labels)), dtype=bool)
    judged = ~np.isnan(quality)
    if len(np.unique(labels[judged])) > 1:
        with warnings.catch_warnings(action="ignore"):  # of emotions without a face
            model[judged] = confident_learning(labels[judged], probabilities[judged], n_jobs=1)
    if votes is not None and votes.to_numpy().any():
        majority = majority_labels(votes)
        voters = (majority >= 0) & (majority != labels)
        suggested = np.where(voters, majority, suggested)
        quality = np.nanmean([quality, vote_shares(votes)[np.arange(len(labels)), labels]], axis=0)
    rows = np.flatnonzero(voters | model)
    rows = rows[np.lexsort((quality[rows], -(voters & model)[rows].astype(int)))]
    who = np.select([voters & model, voters], ["voters and model", "voters"], "model")[rows]
    names = np.array(EMOTIONS)[suggested[rows]]
    reasons = [f"{name}: {emotion}" for name, emotion in zip(who, names, strict=True)]
    table = issue_table(faces, rows, issue="label issue", reason=reasons, score=quality[rows])
    return table.assign(voters=voters[rows], model=model[rows], suggested=names)


def find_non_faces(faces, votes):
    """Pictures that more than half of the voters call no face: a table of issues ("no face"; score: such votes)."""
    rows = np.flatnonzero(2 * votes["NF"] > votes[list(VOTES)].sum(axis=1))
    return issue_table(faces, rows, issue="no face", reason="voters: not a face", score=votes["NF"].to_numpy()[rows])
