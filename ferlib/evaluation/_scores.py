"""Scores of probabilities, each with its sample size and a 95 % interval; calibration.

Everywhere here labels are (N,) int64, and probabilities (N, K) float with rows that sum to 1; K is 7, the emotions, or
the number of coarse classes.
"""

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
        The classes, in the order of every array below: the seven emotions, or the coarse classes.
    n : int
        Faces scored.
    accuracy, top2 : float
        Share of faces whose label is the likeliest class, or one of the two likeliest.
    balanced_accuracy, macro_f1 : float
        Means of recall and of F1 over the classes, each counting alike.
    calibration_error : float
        Expected calibration error in 15 equal-width bins (Guo et al. 2017): how far confidence is from accuracy.
    brier : float
        Mean squared distance, 0..2, of the probabilities from certainty about the label (Brier 1950).
    precision, recall, f1 : (K,) float64
        By class; nan where a class is neither a label nor predicted.
    confusion : (K, K) int64
        Faces by label (row) and predicted class (column).
    intervals : dict
        (low, high) of every score above by its name, (K, 2) for those by class. Shares of faces (accuracy, top2,
        precision, recall) after Wilson (1927), which holds for few faces too; all others from 1,000 bootstrap
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
        accuracy, error = format_interval(self.accuracy, *self.interval), self.calibration_error
        return f"accuracy {accuracy}, macro-F1 {self.macro_f1:.3f}, calibration error {error:.3f}, n = {self.n:,}"

    def table(self):
        """The scores over all faces: pandas.DataFrame of score, low, high."""
        import pandas as pd

        names = ("accuracy", "top2", "balanced_accuracy", "macro_f1", "calibration_error", "brier")
        titles = ("accuracy", "top-2 accuracy", "balanced accuracy", "macro-F1", "calibration error", "Brier score")
        rows = [(getattr(self, name), *self.intervals[name]) for name in names]
        return pd.DataFrame(rows, index=list(titles), columns=["score", "low", "high"])

    def by_class(self):
        """The scores by class: pandas.DataFrame of faces, and of precision, recall and F1 with low and high each."""
        import pandas as pd

        columns = {"faces": self.confusion.sum(1)}
        for name in ("precision", "recall", "F1"):
            low, high = self.intervals[name.lower()].T
            columns |= {name: getattr(self, name.lower()), f"{name} low": low, f"{name} high": high}
        return pd.DataFrame(columns, index=list(self.names))


def evaluate(labels, probabilities, *, names=EMOTIONS):
    """`Scores` of probabilities against labels.

    Parameters
    ----------
    labels, probabilities
        See above; ValueError if the shapes do not fit together.
    names : sequence of K str
        The classes; `ferlib.config.COARSE` for what `coarse_probabilities` returns.

    Examples
    --------
    >>> print(evaluate(np.array([3, 3, 4, 4]), np.eye(7)[[3, 3, 4, 3]]))
    accuracy 75.0% [30.1%, 95.4%], macro-F1 0.733, calibration error 0.250, n = 4
    """
    from sklearn.metrics import confusion_matrix

    labels, probabilities, names = np.asarray(labels), np.asarray(probabilities, dtype=np.float64), tuple(names)
    n, shape = len(labels), probabilities.shape
    if n == 0 or shape != (n, len(names)):
        raise ValueError(f"{n} labels and probabilities of shape {shape}: expected (N, {len(names)})")
    confusion = confusion_matrix(labels, probabilities.argmax(1), labels=range(len(names)))
    correct = confusion.diagonal()
    among_two = (np.argsort(-probabilities, axis=1, kind="stable")[:, :2] == labels[:, None]).sum()
    counts = {"accuracy": (correct.sum(), n), "top2": (among_two, n)}
    counts |= {"precision": (correct, confusion.sum(0)), "recall": (correct, confusion.sum(1))}
    scores = {name: _share(*pair) for name, pair in counts.items()} | _scores_of_counts(confusion)
    of_faces = _scores_of_faces(labels, probabilities, np.arange(n)[None])
    scores |= {name: float(value[0]) for name, value in of_faces.items()}
    intervals = {name: wilson_interval(*pair) for name, pair in counts.items()}
    intervals |= _bootstrap(labels, probabilities, confusion, scores["calibration_error"])
    return Scores(names=names, n=n, confusion=confusion, intervals=intervals, **scores)


def wilson_interval(successes, n, *, level=0.95):
    """Interval of a proportion, after Wilson (1927); (nan, nan) if n is 0. (K, 2) for arrays of K counts.

    >>> [round(bound, 3) for bound in wilson_interval(73, 100)]
    [0.636, 0.807]
    """
    from scipy.stats import binomtest

    if np.ndim(n):
        return np.array([wilson_interval(k, m, level=level) for k, m in zip(successes, n, strict=True)])
    if n == 0:
        return (np.nan, np.nan)
    return tuple(map(float, binomtest(int(successes), int(n)).proportion_ci(level, method="wilson")))


def format_interval(share, low, high):
    """The text of a share with its interval; "" for nan.

    >>> format_interval(0.713, 0.698, 0.727)
    '71.3% [69.8%, 72.7%]'
    """
    return "" if np.isnan(share) else f"{share:.1%} [{low:.1%}, {high:.1%}]"


def fit_temperature(labels, probabilities):
    """Temperature that calibrates probabilities best (temperature scaling, Guo et al. 2017, arXiv:1706.04599).

    In [0.2, 5]; above 1 where the network was overconfident. Fitted to the split on which choices are made, PublicTest.
    """
    from scipy.optimize import minimize_scalar

    def loss(temperature):
        return -np.log(apply_temperature(probabilities, temperature)[np.arange(len(labels)), labels] + 1e-9).mean()

    return float(minimize_scalar(loss, bounds=(0.2, 5), method="bounded").x)


def apply_temperature(probabilities, temperature):
    """Probabilities (N, K) float32 at another temperature; above 1 is less confident. The likeliest emotion stays.

    >>> apply_temperature(np.array([[0.8, 0.2]]), 2.0).round(3)
    array([[0.667, 0.333]], dtype=float32)
    """
    scaled = np.maximum(probabilities, 1e-9).astype(np.float64) ** (1 / temperature)
    return (scaled / scaled.sum(1, keepdims=True)).astype(np.float32)


def adjust_logits(probabilities, prior, strength):
    """Probabilities (..., K) float32 at other class frequencies: logit adjustment, Menon et al. 2021, arXiv:2007.07314.

    `prior` (K,) is how common the classes were in training. At `strength` 0 they are as common now, at 1 all alike.

    >>> adjust_logits(np.array([[0.8, 0.2]]), np.array([0.8, 0.2]), 1).round(3)
    array([[0.5, 0.5]], dtype=float32)
    """
    adjusted = probabilities / np.asarray(prior, dtype=np.float64) ** strength
    return (adjusted / adjusted.sum(-1, keepdims=True)).astype(np.float32)


def adjustment_curve(labels, probabilities, prior):
    """What `adjust_logits` does to accuracy and mean recall: pandas.DataFrame of both, by strength in steps of 0.05."""
    import pandas as pd

    rows = {}
    for strength in np.arange(21) / 20:
        correct = adjust_logits(probabilities, prior, strength).argmax(1) == labels
        recalls = [correct[labels == label].mean() for label in np.unique(labels)]
        rows[strength] = {"accuracy": correct.mean(), "mean recall": np.mean(recalls)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("strength")


def fit_logit_adjustment(labels, probabilities, prior):
    """Strength of `adjust_logits` with the highest mean recall of those that cost at most a point of accuracy.

    Fitted to the split on which choices are made, PublicTest.
    """
    curve = adjustment_curve(labels, probabilities, prior)
    return float(curve.loc[curve["accuracy"] >= curve["accuracy"][0] - 0.01, "mean recall"].idxmax())


def _share(part, whole):
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.greater(whole, 0))[()]


def _scores_of_counts(confusion):
    """Scores of confusion matrices along the last two axes; a class neither there nor predicted counts nowhere."""
    correct = np.diagonal(confusion, axis1=-2, axis2=-1)
    f1 = _share(2 * correct, confusion.sum(-1) + confusion.sum(-2))
    recall = _share(correct, confusion.sum(-1))
    return {"f1": f1, "macro_f1": np.nanmean(f1, axis=-1), "balanced_accuracy": np.nanmean(recall, axis=-1)}


def _scores_of_faces(labels, probabilities, rows, *, bins=15):
    """Scores that need every probability, for each resample in rows (B, N)."""
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    gap, place = correct - confidence, np.minimum((confidence * bins).astype(int), bins - 1)
    cells = place[rows] + bins * np.arange(len(rows))[:, None]
    gaps = np.bincount(cells.ravel(), weights=gap[rows].ravel(), minlength=bins * len(rows)).reshape(-1, bins)
    brier = np.square(probabilities - np.eye(probabilities.shape[1])[labels]).sum(1)
    return {"calibration_error": np.abs(gaps).sum(1) / len(labels), "brier": brier[rows].mean(1)}


def _bootstrap(labels, probabilities, confusion, calibration_error):
    # Resampling faces and counting again is drawing the cells of the confusion matrix from a multinomial.
    draws = np.random.default_rng(0).multinomial(len(labels), confusion.ravel() / confusion.sum(), size=(RESAMPLES,))
    values = _scores_of_counts(draws.reshape(RESAMPLES, *confusion.shape))
    rows = np.random.default_rng(0).integers(len(labels), size=(RESAMPLES, len(labels)), dtype=np.int32)
    values |= _scores_of_faces(labels, probabilities, rows)
    with warnings.catch_warnings(action="ignore"):  # of a class that is nowhere: its interval is nan
        intervals = {name: np.nanquantile(value, [0.025, 0.975], axis=0).T for name, value in values.items()}
    # Noise adds to an error that is a sum of distances, so resamples lie too high: mirror them at the score itself.
    mirrored = 2 * calibration_error - intervals["calibration_error"][::-1]
    intervals["calibration_error"] = np.maximum(mirrored, 0)
    return {name: value if value.ndim > 1 else tuple(value.tolist()) for name, value in intervals.items()}
