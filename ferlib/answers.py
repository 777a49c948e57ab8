"""What to make of seven probabilities: coarse answers, "not sure", and which faces to look at."""

import numpy as np
import pandas as pd

from ferlib.config import COARSE, EMOTIONS
from ferlib.evaluate import wilson_interval


def sum_probabilities(labels, probabilities):
    """Turn seven emotions into the answers of `ferlib.config.COARSE`: their probabilities add up.

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, 7) float

    Returns
    -------
    labels : (N,) int64
        Indices into `COARSE`.
    probabilities : (N, 4) float

    Examples
    --------
    >>> sum_probabilities(np.array([4]), np.array([[0.1, 0.1, 0.2, 0.3, 0.1, 0.05, 0.15]]))[1].round(2)
    array([[0.3 , 0.15, 0.5 , 0.05]])
    """
    member = np.array([[emotion in group for group in COARSE.values()] for emotion in EMOTIONS])
    return member.argmax(1)[labels], probabilities @ member.astype(probabilities.dtype)


def score_coverage(labels, probabilities, *, shares=(1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)):
    """What "not sure" buys: accuracy on the share of faces of which the network is surest.

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, K) float
    shares : sequence of float

    Returns
    -------
    pandas.DataFrame
        Indexed by share answered: confidence (at least), n, accuracy, low, high.
    """
    confidence = probabilities.max(1)
    surest = np.argsort(-confidence, kind="stable")
    right = (probabilities.argmax(1) == labels)[surest].cumsum()
    rows = []
    for share in shares:
        n = max(1, round(share * len(labels)))
        hits = right[n - 1]
        rows.append((confidence[surest[n - 1]], n, hits / n, *wilson_interval(hits, n)))
    index = pd.Index(shares, name="answered")
    return pd.DataFrame(rows, index=index, columns=["confidence", "n", "accuracy", "low", "high"])


def find_confident_errors(labels, probabilities, *, count=10):
    """The errors of which the network is surest: wrong labels and blind spots.

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, 7) float
    count : int

    Returns
    -------
    pandas.DataFrame
        Indexed by row of the split: label and read as (emotions), then the seven probabilities.
    """
    wrong = probabilities.argmax(1) != labels
    return _answers(labels, probabilities, wrong, order=-probabilities.max(1), count=count)


def find_doubtful_hits(labels, probabilities, *, count=10):
    """The right answers of which the network is least sure: what hangs by a thread.

    Parameters and returns as for `find_confident_errors`.
    """
    right = probabilities.argmax(1) == labels
    return _answers(labels, probabilities, right, order=probabilities.max(1), count=count)


def _answers(labels, probabilities, chosen, *, order, count):
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(order[rows], kind="stable")][:count]
    table = pd.DataFrame(probabilities[rows], index=pd.Index(rows, name="row"), columns=list(EMOTIONS))
    table.insert(0, "label", [EMOTIONS[label] for label in labels[rows]])
    table.insert(1, "read as", [EMOTIONS[label] for label in probabilities[rows].argmax(1)])
    return table
