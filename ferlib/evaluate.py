"""From labels and probabilities to scores that carry their sample size and a 95 % interval."""

from dataclasses import dataclass

import numpy as np

from ferlib.config import EMOTIONS


@dataclass(frozen=True)
class Scores:
    """How good a set of probabilities is; every interval is a 95 % interval.

    Attributes
    ----------
    n : int
        Faces scored.
    accuracy : float
        Share of faces whose likeliest emotion is the label.
    interval : (low, high)
        Of the accuracy, after Wilson (1927).
    macro_f1 : float
        Mean of the seven F1 scores, each emotion counting alike.
    macro_f1_interval : (low, high)
        From 1,000 bootstrap resamples of the faces.
    recall, f1 : (7,) float64
        By emotion.
    recall_intervals : (7, 2) float64
        After Wilson (1927).
    confusion : (7, 7) int64
        Faces by label (row) and predicted emotion (column).
    calibration_error : float
        Expected calibration error in 15 equal-width bins (Guo et al. 2017): how far confidence is from accuracy.
    """

    n: int
    accuracy: float
    interval: tuple[float, float]
    macro_f1: float
    macro_f1_interval: tuple[float, float]
    recall: np.ndarray
    recall_intervals: np.ndarray
    f1: np.ndarray
    confusion: np.ndarray
    calibration_error: float

    def __str__(self):
        low, high = self.interval
        return (
            f"accuracy {self.accuracy:.1%} [{low:.1%}, {high:.1%}], macro-F1 {self.macro_f1:.3f}, "
            f"calibration error {self.calibration_error:.3f}, n = {self.n:,}"
        )


def evaluate(labels, probabilities):
    """Score probabilities against labels.

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, 7) float
        Rows sum to 1.

    Returns
    -------
    Scores

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> print(evaluate(np.array([3, 3, 4, 4]), np.eye(7)[[3, 3, 4, 3]]))
    accuracy 75.0% [30.1%, 95.4%], macro-F1 0.733, calibration error 0.250, n = 4
    """
    from sklearn.metrics import confusion_matrix

    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if not len(labels) or probabilities.shape != (len(labels), len(EMOTIONS)):
        raise ValueError(
            f"{len(labels)} labels and probabilities of shape {probabilities.shape}: expected (N, {len(EMOTIONS)})"
        )
    predicted = probabilities.argmax(1)
    confusion = confusion_matrix(labels, predicted, labels=range(len(EMOTIONS)))
    right, rows = confusion.diagonal(), confusion.sum(1)
    f1 = _f1(confusion)
    return Scores(
        n=len(labels),
        accuracy=right.sum() / len(labels),
        interval=wilson_interval(right.sum(), len(labels)),
        macro_f1=_macro(f1),
        macro_f1_interval=_bootstrap_macro_f1(labels, predicted),
        recall=np.divide(right, rows, out=np.full(len(rows), np.nan), where=rows > 0),
        recall_intervals=np.array([wilson_interval(k, n) for k, n in zip(right, rows, strict=True)]),
        f1=f1,
        confusion=confusion,
        calibration_error=_calibration_error(labels, probabilities),
    )


def wilson_interval(successes, n):
    """95 % interval of a proportion, after Wilson (1927); (nan, nan) if n is 0.

    >>> [round(bound, 3) for bound in wilson_interval(73, 100)]
    [0.636, 0.807]
    """
    from scipy.stats import binomtest

    if n == 0:
        return (np.nan, np.nan)
    interval = binomtest(int(successes), int(n)).proportion_ci(method="wilson")
    return (float(interval.low), float(interval.high))


def fit_temperature(labels, probabilities):
    """Temperature that makes probabilities as honest as one number can (Guo et al. 2017, "temperature scaling").

    Parameters
    ----------
    labels : (N,) int64
        Of the split on which choices are made, PublicTest.
    probabilities : (N, 7) float

    Returns
    -------
    float
        In [0.2, 5]; above 1 where the network was too sure of itself.
    """
    from scipy.optimize import minimize_scalar

    def loss(temperature):
        return -np.log(apply_temperature(probabilities, temperature)[np.arange(len(labels)), labels] + 1e-9).mean()

    return float(minimize_scalar(loss, bounds=(0.2, 5), method="bounded").x)


def apply_temperature(probabilities, temperature):
    """Probabilities (N, 7) float32 at another temperature; above 1 is less sure. The likeliest emotion stays.

    >>> apply_temperature(np.array([[0.8, 0.2]]), 2.0).round(3)
    array([[0.667, 0.333]], dtype=float32)
    """
    scaled = np.maximum(probabilities, 1e-9).astype(np.float64) ** (1 / temperature)
    return (scaled / scaled.sum(1, keepdims=True)).astype(np.float32)


def _f1(confusion):
    """F1 by emotion along the last axis of (..., 7, 7); nan where an emotion is neither there nor predicted."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    total = confusion.sum(-1) + confusion.sum(-2)
    return np.divide(2 * right, total, out=np.full(total.shape, np.nan), where=total > 0)


def _macro(f1):
    return np.nanmean(f1, axis=-1)


def _bootstrap_macro_f1(labels, predicted, *, resamples=1000, seed=0):
    # Resampling faces and counting cells again is drawing the cells of the confusion matrix from a multinomial.
    cells = np.bincount(labels * len(EMOTIONS) + predicted, minlength=len(EMOTIONS) ** 2)
    draws = np.random.default_rng(seed).multinomial(len(labels), cells / cells.sum(), size=resamples)
    values = _macro(_f1(draws.reshape(resamples, len(EMOTIONS), len(EMOTIONS))))
    return tuple(np.quantile(values, [0.025, 0.975]))


def _calibration_error(labels, probabilities, *, bins=15):
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
