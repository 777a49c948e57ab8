"""The emotions of a crowd: shares of an event's faces, corrected for the network's mistakes, with intervals.

A network that errs counts heads wrongly: an emotion loses what is mistaken for others, and gains what is mistaken for
it. How it errs is known from PublicTest; from that, and from what it says of the event's faces, follow the shares under
which its answers are likeliest (EM of Saerens, Latinne and Decaestecker 2002). This holds as far as faces of an emotion
look at the event as they do in PublicTest; how common the emotions are may be as different as it likes.
"""

from dataclasses import dataclass

import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE
from ferlib.evaluation._scores import format_interval, wilson_interval

FEWEST = 5
"""Faces of the smallest group that is reported."""

FEWEST_PHOTOS = 10
"""Photos from which a group's photos are resampled; of fewer, its faces are."""

MOST_PHOTOS = 4000
"""Photos that a resample holds: intervals of larger events are wider than they need be, and are there in minutes."""

STEPS = (5, 10, 15, 30, 60, 120)
"""Minutes of the times of day that are reported: the shortest that makes no more than 12 of an event, with ten faces
each on average."""

OTHERS = "others"
"""All groups and times of fewer than five faces; if that is still fewer, the next larger with them: what is reported
would else tell of them by subtraction."""


@dataclass(frozen=True)
class Correction:
    """How a run's network errs, measured on PublicTest; made by `fit_correction`.

    Attributes
    ----------
    run, network : str
        The run's name, and the first 12 hex digits of its network's sha256.
    labels : str
        Whose labels are counted, one of `ferlib.data.LABELS`: those that the run learned.
    accuracy : float
        On PublicTest, with these labels.
    weights : (1 + B, 8, 7) float64
        Of logistic regressions from log probabilities (and 1) to log likelihoods of the emotions, up to a constant of
        the face: the first of all PublicTest faces, the others of bootstrap resamples.
    """

    run: str
    network: str
    labels: str
    accuracy: float
    weights: np.ndarray

    def likelihoods(self, probabilities, resample=0):
        """How likely each face (N, 7) is to look as it does, under each emotion; up to a factor of the face."""
        weights = self.weights[resample]
        logits = _features(probabilities) @ weights[:-1] + weights[-1]
        return np.exp(logits - logits.max(1, keepdims=True))


@dataclass(frozen=True)
class EventReport:
    """What an audience showed, in sum; made by `event_report`.

    Attributes
    ----------
    correction : Correction
    level : float
        Of every interval, such as 0.95.
    facts : pandas.DataFrame
        Files, faces, and those that tell nothing, or little: count, share (of the files, or of the faces).
    shares : pandas.DataFrame
        Indexed by emotion. faces: those of which it is the likeliest, at the network's own probabilities; raw: their
        share, with raw low and raw high (by face, after Wilson), photo low and photo high (photos resampled, nan of
        fewer than 10); corrected, with corrected low and corrected high (photos and PublicTest's faces resampled).
    by_time, by_group : pandas.DataFrame
        The same, indexed by time of day or group, and emotion. Those of fewer than 5 faces are added to others.
    """

    correction: Correction
    level: float
    facts: object
    shares: object
    by_time: object
    by_group: object

    NOTICE = (
        "For sums over an audience that was told and agreed, and for nothing else: not to judge, pick out or watch "
        "anybody. In the European Union the AI Act forbids emotion recognition at work and in education (article 5), "
        "and wants people told of it elsewhere (article 50)."
    )

    @property
    def summary(self):
        """A sentence: what was counted, and the commonest emotion."""
        files, faces = self.facts["count"].iloc[[0, 3]]
        first = self.shares.loc[self.shares["corrected"].idxmax()]
        share = format_interval(*first[["corrected", "corrected low", "corrected high"]])
        return (
            f"{faces:,} faces in {files:,} files. The commonest emotion, corrected for mistakes: {first.name}, {share}."
        )

    def __str__(self):
        return f"{self.NOTICE}\n{self.summary}"


def fit_correction(run, *, resamples=200, seed=0):
    """Measure on PublicTest how the network of a `Run` errs, for `event_report`: a `Correction`.

    ValueError if PublicTest lacks an emotion.
    """
    from sklearn.linear_model import LogisticRegression

    labels, probabilities = run.select("PublicTest", labels=run.chosen_by)
    known = labels < len(EMOTIONS)  # nothing is known of contempt
    labels, features = labels[known], _features(probabilities[known, : len(EMOTIONS)])
    counts = np.bincount(labels, minlength=len(EMOTIONS))
    if not counts.all():
        missing = ", ".join(np.array(EMOTIONS)[counts == 0])
        raise ValueError(f"run {run.name}: no PublicTest face is labelled {missing}: how it errs there is not known")
    rng, rows_of = np.random.default_rng(seed), [np.flatnonzero(labels == label) for label in range(len(EMOTIONS))]
    model, weights = LogisticRegression(solver="newton-cholesky", max_iter=1000, warm_start=True), []
    for resample in range(1 + resamples):
        rows = np.concatenate([rng.choice(rows, len(rows)) for rows in rows_of] if resample else rows_of)
        model.fit(features[rows], labels[rows])
        weights.append(np.vstack([model.coef_.T, model.intercept_ - np.log(counts)]))
    network, accuracy = (run.metadata.network_sha256 or "")[:12], run.accuracy("PublicTest", labels=run.chosen_by)
    return Correction(run.name, network, run.chosen_by, accuracy, np.array(weights))


def event_report(faces, files, *, correction, level=0.95, seed=0):
    """Count the emotions of an event, by time of day and group too, and correct the counts for the network's mistakes.

    Parameters
    ----------
    faces, files : pandas.DataFrame
        As `ferlib.inference.load_scores` returns them; the probabilities without logit adjustment.
    correction : Correction
        Of the run that scored them.
    level : float
        Of the intervals, in (0, 1).
    seed : int

    Returns
    -------
    EventReport

    Raises
    ------
    ValueError
        If there are fewer than five faces, or other networks scored them than the one that the correction is for.
    """
    if len(faces) < FEWEST:
        raise ValueError(f"{len(faces)} faces: fewer than {FEWEST} are not reported, since they would tell of persons")
    scored = set(zip(faces["model"], faces["version"], strict=True))
    if scored != {(correction.run, correction.network)}:
        told = ", ".join(sorted(f"{model} ({version})" for model, version in scored))
        expected = f"{correction.run} ({correction.network})"
        raise ValueError(f"these faces were scored by {told}, the correction is for {expected}: fit it to that run")
    options, faces = dict(correction=correction, level=level, seed=seed), faces.reset_index(drop=True)
    times, groups = _times_of_day(faces["taken"]), faces["group"].replace("", "no folder").sort_values()
    whole = _shares(faces, **options)
    by_time, by_group = (
        _shares_by(name, faces, labels, whole, **options) for name, labels in (("time", times), ("group", groups))
    )
    return EventReport(correction, level, _facts(faces, files), whole, by_time, by_group)


def _features(probabilities):
    return np.log(np.maximum(probabilities, 1e-6, dtype=np.float64))


def _facts(faces, files):
    import pandas as pd

    reason, found = (files.groupby("file")[column].max() for column in ("rejected", "faces"))
    counts = {
        "files": len(reason),
        "files that could not be read": (reason != "").sum(),
        "files without a face": ((reason == "") & (found == 0)).sum(),
        "faces": len(faces),
        "faces of which the network is not sure": faces["abstained"].sum(),
        f"faces smaller than the {IMAGE_SIZE} pixels that it needs": (faces["width"] < IMAGE_SIZE).sum(),
    }
    wholes = np.repeat([max(1, len(reason)), len(faces)], 3)
    return pd.DataFrame({"count": counts, "share": list(counts.values()) / wholes}, index=list(counts))


def _times_of_day(taken):
    """Each face's time of day as text, in order: when it begins, such as "20:15"."""
    import pandas as pd

    if taken.max() - taken.min() >= pd.Timedelta(days=1):
        taken = taken.max().normalize() + (taken - taken.dt.normalize())
    taken = taken.sort_values()
    span, most = (taken.max() - taken.min()) / pd.Timedelta(minutes=1), min(12, len(taken) // (2 * FEWEST))
    step = next((step for step in STEPS if span <= most * step), STEPS[-1])
    return taken.dt.floor(f"{step}min").dt.strftime("%H:%M").fillna("unknown")


def _shares_by(name, faces, labels, whole, **options):
    """Shares of the faces of each label, in the order in which these come; those of few faces as `OTHERS`, last."""
    import pandas as pd

    counts = labels.value_counts(ascending=True)
    few = (counts < FEWEST).sum()
    few += 0 < counts[:few].sum() < FEWEST
    labels = labels.mask(labels.isin(counts.index[:few]), OTHERS)
    parts = sorted(labels.unique(), key=lambda part: part == OTHERS)
    return pd.concat(
        {part: _shares(faces.loc[labels.index[labels == part]], **options) for part in parts}, names=[name]
    )


def _shares(faces, *, correction, level, seed):
    import pandas as pd

    probabilities = faces[list(EMOTIONS)].to_numpy(np.float64)
    predicted, size = probabilities.argmax(1), len(EMOTIONS)
    counts = np.bincount(predicted, minlength=size)
    corrected = _likeliest_shares(correction.likelihoods(probabilities), np.full(size, 1 / size))
    photos, resample = _photos(faces), np.random.default_rng(seed).integers
    by_photo = len(photos) >= FEWEST_PHOTOS
    units = photos if by_photo else np.arange(len(faces))[:, None]
    raws, estimates = [], []
    for number in range(1, len(correction.weights)):
        drawn = resample(len(units), size=min(len(units), MOST_PHOTOS))
        rows = np.concatenate([units[unit] for unit in drawn])
        raws.append(np.bincount(predicted[rows], minlength=size) / len(rows))
        # from near by it takes fewer steps; from a share of zero it could not move
        start = 0.9 * corrected + 0.1 / size
        estimates.append(_likeliest_shares(correction.likelihoods(probabilities[rows], number), start))
    tails = [(1 - level) / 2, (1 + level) / 2]
    bounds = {
        "raw": wilson_interval(counts, np.full(size, len(faces)), level=level).T,
        "photo": np.quantile(raws, tails, axis=0) if by_photo else np.full((2, size), np.nan),
        "corrected": np.quantile(estimates, tails, axis=0),
    }
    columns = {"faces": counts, "raw": counts / len(faces), "corrected": corrected}
    for name, (low, high) in bounds.items():
        columns |= {f"{name} low": low, f"{name} high": high}
    return pd.DataFrame(columns, index=pd.Index(EMOTIONS, name="emotion"))


def _photos(faces):
    """Row numbers of the faces of each photo, or minute of a film: those in one are not independent."""
    minutes = (faces["second"] // 60).fillna(-1)
    return list(faces.groupby([faces["file"], minutes]).indices.values())


def _likeliest_shares(likelihoods, shares):
    """The shares (K,) of the classes under which likelihoods (N, K) of faces are likeliest, by EM from a start."""
    for _ in range(1000):
        previous = shares
        shares = shares * ((1 / (likelihoods @ shares)) @ likelihoods) / len(likelihoods)
        if np.abs(shares - previous).max() < 1e-5:
            break
    return shares
