"""Runs beside one another and beside what their recipes claim, and paired tests."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ferlib.config import RECIPES, ZOO
from ferlib.testsets import TEST_SETS

CLAIMS = {
    "simple": (0.632, "its test folder, on which the epoch was chosen too"),
    "attention": (0.705, "a fifth of its test folder; read off a plot, 70-71 %"),
    "augmented": (0.66, "not told; about 66 %"),
    "oversampled": (0.8107, "a random tenth of the oversampled rows: 62 % of them have a twin in training"),
    "mini_xception": (0.66, "FER2013, split not told (arXiv:1710.07557)"),
}
"""What the authors of a recipe report, and on what: accuracy by the network's name. Nobody had checked it."""


@dataclass(frozen=True)
class Comparison:
    """Two networks on the same faces.

    Attributes
    ----------
    n : int
        Faces.
    only_first, only_second : int
        Faces that one alone reads right; on all others the two are no different.
    difference : float
        Accuracy of the first less that of the second.
    interval : (low, high)
        Of the difference, 95 %, normal approximation for paired shares.
    p_value : float
        Of McNemar's exact test (1947): how likely the two counts lie so far apart if the two are equally good.
    """

    n: int
    only_first: int
    only_second: int
    difference: float
    interval: tuple[float, float]
    p_value: float


def compare_predictions(labels, first, second):
    """Is one network better than another on the same faces? The pairing makes this sharper than two intervals.

    Parameters
    ----------
    labels : (N,) int64
    first, second : (N, 7) float
        Probabilities of two networks.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> perfect = np.eye(7)[[0, 1, 2, 3, 4, 5]]
    >>> compare_predictions(np.arange(6), perfect, np.roll(perfect, 1, axis=1)).p_value
    0.03125
    """
    from scipy.stats import binomtest

    right = [probabilities.argmax(1) == labels for probabilities in (first, second)]
    only_first, only_second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    n, apart = len(labels), only_first + only_second
    difference = (only_first - only_second) / n
    margin = 1.96 * np.sqrt(apart - n * difference**2) / n
    return Comparison(
        n=n,
        only_first=only_first,
        only_second=only_second,
        difference=difference,
        interval=(float(difference - margin), float(difference + margin)),
        p_value=float(binomtest(only_first, apart).pvalue) if apart else 1.0,
    )


def compare_pairs(pairs, *, usage="PrivateTest", test_set="published"):
    """One row a pair of runs, tested by McNemar on the same faces.

    Parameters
    ----------
    pairs : list of (Run, Run)
    usage, test_set : str
        As for `Run.select`.

    Returns
    -------
    pandas.DataFrame
        Indexed by (first, second): difference, low, high, only first, only second, p, and p corrected after Holm
        (1979), since the more pairs are tested, the more differ by chance.
    """
    rows = {}
    for first, second in pairs:
        labels, probabilities = first.select(usage, test_set)
        other_labels, others = second.select(usage, test_set)
        if not np.array_equal(labels, other_labels):
            raise ValueError(f"{first.name} and {second.name} were not scored on the same faces of {usage}")
        found = compare_predictions(labels, probabilities, others)
        counts = (found.only_first, found.only_second)
        rows[first.name, second.name] = (found.difference, *found.interval, *counts, found.p_value)
    columns = ["difference", "low", "high", "only first", "only second", "p"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    names = [[pair[place] for pair in rows] for place in (0, 1)]
    table.index = pd.MultiIndex.from_arrays(names, names=["first", "second"])
    order = table["p"].sort_values()
    steps = order * np.arange(len(order), 0, -1)
    return table.assign(**{"p, Holm": steps.cummax().clip(upper=1)})


def compare_runs(runs):
    """One row a run: what its recipe claims, what it is worth on the three test sets, and what it costs.

    Parameters
    ----------
    runs : list of Run

    Returns
    -------
    pandas.DataFrame
        Indexed by run, best PublicTest accuracy first, since that is the split to choose on; runs that saw test faces
        in training come last, whatever they score. Columns: leaky (bool); claim (accuracy, nan for none); PublicTest
        (accuracy); PrivateTest accuracy as published, without_twins, faces_only, with "<test set> low", "<test set>
        high" and "<test set> n"; macro-F1; calibration error; parameters, multiply_adds, file_bytes, milliseconds (a
        face, LiteRT, one thread), machine (where they were measured), epochs (done) and planned, start (the run that it
        went on from, or "none"). nan where a run does not tell.
    """
    table = pd.DataFrame.from_dict({run.name: _row(run) for run in runs}, orient="index")
    return table.sort_values(["leaky", "PublicTest"], ascending=[True, False], kind="stable")


def choose_seeds(runs):
    """Of runs that differ in their seed alone, the one that is best on PublicTest.

    Parameters
    ----------
    runs : list of Run

    Returns
    -------
    list of Run
        Best on PublicTest first.
    """
    return [alike[0] for alike in _group_seeds(runs)]


def average_seeds(runs):
    """How much of a score is luck: accuracy over runs that differ in their seed alone.

    Parameters
    ----------
    runs : list of Run

    Returns
    -------
    pandas.DataFrame
        One row for settings that were trained more than once, indexed by the run that is best on PublicTest: seeds (how
        many); mean and spread (standard deviation over seeds) of PrivateTest accuracy, as published.
    """
    rows = {}
    for alike in _group_seeds(runs):
        accuracies = [run.evaluate("PrivateTest").accuracy for run in alike]
        if len(alike) > 1:
            rows[alike[0].name] = (len(alike), np.mean(accuracies), np.std(accuracies, ddof=1))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["seeds", "mean", "spread"])


def check_scores(run, predict_images, faces):
    """Predict anew: does the exported network still give the scores that its run folder states?

    Parameters
    ----------
    run : Run
    predict_images : callable
        Of the run's network: `load_predictor(run.name).predict_images`.
    faces : Faces
        What the run was scored on.

    Returns
    -------
    pandas.DataFrame
        Indexed by test split: stored (accuracy), anew (accuracy), read otherwise (faces), largest difference (of a
        probability), n.

    Raises
    ------
    ValueError
        If these are not the faces that the run was scored on.
    """
    rows = {}
    for usage, (labels, stored) in run.probabilities.items():
        anew = predict_images(run.select_faces(faces, usage).images)
        answers = stored.argmax(1), anew.argmax(1)
        accuracies = [float((answer == labels).mean()) for answer in answers]
        rows[usage] = (
            *accuracies,
            int((answers[0] != answers[1]).sum()),
            float(np.abs(stored - anew).max()),
            len(labels),
        )
    columns = ["stored", "anew", "read otherwise", "largest difference", "n"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _group_seeds(runs):
    configs = {run.name: run.config for run in runs}
    seeds = {}
    for run in sorted(runs, key=lambda run: -run.evaluate("PublicTest").accuracy):
        seeds.setdefault(_path(run.config, configs), []).append(run)
    return list(seeds.values())


def _path(config, configs):
    """All settings but the seed, and so for the runs that it went on from: each seed may go on from one of its own."""
    if config.start not in configs:
        return (replace(config, seed=0),)
    return (replace(config, seed=0, start=""), *_path(configs[config.start], configs))


def _row(run):
    bundle, public, private = run.bundle, run.evaluate("PublicTest"), run.evaluate("PrivateTest")
    plan = _followed(run.config)
    claim = CLAIMS[plan.model][0] if plan in RECIPES.values() else np.nan
    row = {"leaky": run.leaky, "claim": claim, "PublicTest": public.accuracy}
    for test_set in TEST_SETS:
        scores = run.evaluate("PrivateTest", test_set) if test_set in run.test_sets else None
        row[test_set] = scores.accuracy if scores else np.nan
        row[f"{test_set} low"], row[f"{test_set} high"] = scores.interval if scores else (np.nan, np.nan)
        row[f"{test_set} n"] = scores.n if scores else 0
    row |= {"macro-F1": private.macro_f1, "calibration error": private.calibration_error}
    row["parameters"] = bundle["parameters"]
    row |= {key: bundle.get(key, np.nan) for key in ("multiply_adds", "file_bytes", "milliseconds")}
    return row | {
        "machine": bundle.get("machine", ""),
        "epochs": bundle["epochs_done"],
        "planned": plan.epochs,
        "start": run.config.start,
    }


def _followed(config):
    """The settings of the zoo that a run followed, or else its own: claims are claims for settings, not for a name."""
    # a leak is the claim's own; whoever stopped early says so beside it
    free = {key: getattr(config, key) for key in ("seed", "split", "epochs")}
    return next((plan for plan in ZOO.values() if replace(plan, **free) == config), config)
