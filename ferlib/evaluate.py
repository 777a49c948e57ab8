"""From labels and probabilities to scores that carry their sample size and a 95 % interval."""

import warnings
from dataclasses import dataclass

import numpy as np

from ferlib.config import EMOTIONS

RESAMPLES = 1000


@dataclass(frozen=True)
class Scores:
    """How good a set of probabilities is; every interval is a 95 % interval.

    Attributes
    ----------
    names : tuple of K str
        The answers, in the order of every array below: the seven emotions, or the coarse ones.
    n : int
        Faces scored.
    accuracy, top2 : float
        Share of faces whose label is the likeliest answer, or one of the two likeliest.
    balanced_accuracy, macro_f1 : float
        Means of recall and of F1 over the answers, each counting alike.
    calibration_error : float
        Expected calibration error in 15 equal-width bins (Guo et al. 2017): how far confidence is from accuracy.
    brier : float
        Mean squared distance, 0..2, of the probabilities from certainty about the label (Brier 1950).
    precision, recall, f1 : (K,) float64
        By answer; nan where an answer is neither a label nor given.
    confusion : (K, K) int64
        Faces by label (row) and answer given (column).
    intervals : dict
        (low, high) of every score above by its name, (K, 2) for those by answer. Shares of faces (accuracy, top2,
        precision, recall) after Wilson (1927), which stays honest for few faces; all others from 1,000 bootstrap
        resamples of the faces.
    """

    names: tuple[str, ...]
    n: int
    accuracy: float
    top2: float
    balanced_accuracy: float
    macro_f1: float
    calibration_error: float
    brier: float
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    confusion: np.ndarray
    intervals: dict

    @property
    def interval(self):
        """Of the accuracy."""
        return self.intervals["accuracy"]

    def __str__(self):
        low, high = self.interval
        return (
            f"accuracy {self.accuracy:.1%} [{low:.1%}, {high:.1%}], macro-F1 {self.macro_f1:.3f}, "
            f"calibration error {self.calibration_error:.3f}, n = {self.n:,}"
        )

    def table(self):
        """The scores over all faces: pandas.DataFrame of score, low, high."""
        import pandas as pd

        titles = {
            "accuracy": "accuracy",
            "top2": "top-2 accuracy",
            "balanced_accuracy": "balanced accuracy",
            "macro_f1": "macro-F1",
            "calibration_error": "calibration error",
            "brier": "Brier score",
        }
        rows = {title: (getattr(self, name), *self.intervals[name]) for name, title in titles.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["score", "low", "high"])

    def by_answer(self):
        """The scores by answer: pandas.DataFrame of faces, and of precision, recall and F1 with low and high each."""
        import pandas as pd

        columns = {"faces": self.confusion.sum(1)}
        for name in ("precision", "recall", "f1"):
            low, high = self.intervals[name].T
            title = name.replace("f1", "F1")
            columns |= {title: getattr(self, name), f"{title} low": low, f"{title} high": high}
        return pd.DataFrame(columns, index=list(self.names))


def evaluate(labels, probabilities, *, names=EMOTIONS):
    """Score probabilities against labels.

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, K) float
        Rows sum to 1.
    names : sequence of K str
        The answers; `ferlib.config.COARSE` for what `sum_probabilities` returns.

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

    labels, probabilities, names = np.asarray(labels), np.asarray(probabilities, dtype=np.float64), tuple(names)
    if not len(labels) or probabilities.shape != (len(labels), len(names)):
        raise ValueError(
            f"{len(labels)} labels and probabilities of shape {probabilities.shape}: expected (N, {len(names)})"
        )
    confusion = confusion_matrix(labels, probabilities.argmax(1), labels=range(len(names)))
    right, n = confusion.diagonal(), len(labels)
    among_two = int((np.argsort(-probabilities, axis=1, kind="stable")[:, :2] == labels[:, None]).sum())
    from_counts = _scores_of_counts(confusion)
    from_faces = {name: float(value[0]) for name, value in _scores_of_faces(labels, probabilities).items()}
    return Scores(
        names=names,
        n=n,
        accuracy=right.sum() / n,
        top2=among_two / n,
        precision=_share(right, confusion.sum(0)),
        recall=_share(right, confusion.sum(1)),
        confusion=confusion,
        **from_counts,
        **from_faces,
        intervals={
            "accuracy": wilson_interval(right.sum(), n),
            "top2": wilson_interval(among_two, n),
            "precision": _wilson_intervals(right, confusion.sum(0)),
            "recall": _wilson_intervals(right, confusion.sum(1)),
        }
        | _bootstrap(labels, probabilities, confusion, from_faces["calibration_error"]),
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


def _share(part, whole):
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _wilson_intervals(successes, n):
    return np.array([wilson_interval(k, m) for k, m in zip(successes, n, strict=True)])


def _scores_of_counts(confusion):
    """Scores of confusion matrices along the last two axes; an answer neither there nor given counts nowhere."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    f1 = _share(2 * right, confusion.sum(-1) + confusion.sum(-2))
    recall = _share(right, confusion.sum(-1))
    return {"f1": f1, "macro_f1": np.nanmean(f1, axis=-1), "balanced_accuracy": np.nanmean(recall, axis=-1)}


def _scores_of_faces(labels, probabilities, rows=None, *, bins=15):
    """Scores that need every probability, for each resample in rows (B, N); for all faces by default."""
    rows = np.arange(len(labels))[None] if rows is None else rows
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    gap, place = right - confidence, np.minimum((confidence * bins).astype(int), bins - 1)
    cells = place[rows] + bins * np.arange(len(rows))[:, None]
    gaps = np.bincount(cells.ravel(), weights=gap[rows].ravel(), minlength=bins * len(rows)).reshape(-1, bins)
    brier = np.square(probabilities - np.eye(probabilities.shape[1])[labels]).sum(1)
    return {"calibration_error": np.abs(gaps).sum(1) / len(labels), "brier": brier[rows].mean(1)}


def _bootstrap(labels, probabilities, confusion, calibration_error, *, seed=0):
    # Resampling faces and counting again is drawing the cells of the confusion matrix from a multinomial.
    draws = np.random.default_rng(seed).multinomial(len(labels), confusion.ravel() / confusion.sum(), size=(RESAMPLES,))
    values = _scores_of_counts(draws.reshape(RESAMPLES, *confusion.shape))
    rows = np.random.default_rng(seed).integers(len(labels), size=(RESAMPLES, len(labels)), dtype=np.int32)
    values |= _scores_of_faces(labels, probabilities, rows)
    with warnings.catch_warnings(action="ignore"):  # of an answer that is nowhere: its interval is nan
        intervals = {name: np.nanquantile(value, [0.025, 0.975], axis=0).T for name, value in values.items()}
    # Noise adds to an error that is a sum of distances, so resamples lie too high: mirror them at the score itself.
    mirrored = 2 * calibration_error - intervals["calibration_error"][::-1]
    intervals["calibration_error"] = np.maximum(mirrored, 0)
    return {name: value if value.ndim > 1 else tuple(value.tolist()) for name, value in intervals.items()}
