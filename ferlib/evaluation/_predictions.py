"""Coarse classes, selective prediction, confident errors, and annotator votes beside predictions.

Everywhere here labels are (N,) int64, and probabilities (N, 7) float with rows that sum to 1.
"""

import numpy as np
import pandas as pd

from ferlib.config import COARSE, EMOTIONS
from ferlib.data import majority_labels
from ferlib.evaluation._scores import wilson_interval


def coarse_probabilities(labels, probabilities):
    """Labels (N,) and probabilities (N, 4) of the coarse classes `ferlib.config.COARSE`: emotions added up.

    >>> coarse_probabilities(np.array([4]), np.array([[0.1, 0.1, 0.2, 0.3, 0.1, 0.05, 0.15]]))[1].round(2)
    array([[0.3 , 0.15, 0.5 , 0.05]])
    """
    member = np.array([[emotion in group for group in COARSE.values()] for emotion in EMOTIONS])
    return member.argmax(1)[labels], probabilities @ member.astype(probabilities.dtype)


def accuracy_coverage(labels, probabilities, *, coverage=(1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)):
    """Accuracy-coverage curve: accuracy on the most confident faces if the network abstains from the others.

    Returns
    -------
    pandas.DataFrame
        Indexed by coverage, the shares of faces, in (0, 1], on which it does not abstain: confidence (at least), n,
        accuracy, low, high (95 % interval).
    """
    confidence, n = probabilities.max(1), np.maximum(1, np.rint(np.multiply(coverage, len(labels)))).astype(int)
    order = np.argsort(-confidence, kind="stable")
    correct = (probabilities.argmax(1) == labels)[order].cumsum()[n - 1]
    low, high = wilson_interval(correct, n).T
    columns = {"confidence": confidence[order[n - 1]], "n": n, "accuracy": correct / n, "low": low, "high": high}
    return pd.DataFrame(columns, index=pd.Index(coverage, name="coverage"))


def find_confident_errors(labels, probabilities, *, count=10):
    """The most confident errors: wrong labels and blind spots.

    Returns
    -------
    pandas.DataFrame
        Indexed by row of the split: label and predicted (emotions), then the seven probabilities.
    """
    rows = np.flatnonzero(probabilities.argmax(1) != labels)
    return _predictions(labels, probabilities, rows[np.argsort(-probabilities[rows].max(1), kind="stable")][:count])


def find_uncertain_correct(labels, probabilities, *, count=10):
    """The least confident correct predictions, as `find_confident_errors`."""
    rows = np.flatnonzero(probabilities.argmax(1) == labels)
    return _predictions(labels, probabilities, rows[np.argsort(probabilities[rows].max(1), kind="stable")][:count])


def _predictions(labels, probabilities, rows):
    table = pd.DataFrame(probabilities[rows], index=pd.Index(rows, name="row"), columns=list(EMOTIONS))
    table.insert(0, "label", [EMOTIONS[label] for label in labels[rows]])
    table.insert(1, "predicted", [EMOTIONS[label] for label in probabilities[rows].argmax(1)])
    return table


def compare_with_votes(labels, predicted, votes):
    """Is the network wrong, or the label? Which of the two FER+'s annotators voted for.

    Parameters
    ----------
    labels, predicted : (N,) int64
    votes : pandas.DataFrame
        N rows, with the columns `ferlib.data.VOTES`.

    Returns
    -------
    pandas.DataFrame
        Faces; rows "correct", "errors" and "all"; columns by what most annotators voted for: the label, the network
        (what it predicted in error), another emotion, or no majority.
    """
    sides, majority = ["the label", "the network", "another emotion", "no majority"], majority_labels(votes)
    side = np.select([majority == labels, majority == predicted, majority >= 0], sides[:3], default=sides[3])
    table = pd.crosstab(np.where(predicted == labels, "correct", "errors"), side)
    table = table.reindex(index=["correct", "errors"], columns=sides, fill_value=0)
    return pd.concat([table, table.sum().to_frame("all").T]).rename_axis(index=None, columns=None)
