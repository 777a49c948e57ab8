"""Comparison of runs: paired tests, seeds, and scores beside the claims of the recipes."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ferlib.data import TEST_SETS
from ferlib.evaluation._scores import evaluate, wilson_interval
from ferlib.recipes import FERPLUS, OWN, RECIPES, ZOO

CLAIMS = {
    "simple": (0.632, "its test folder, on which the epoch was chosen too"),
    "attention": (0.705, "a fifth of its test folder; read off a plot, 70-71 %"),
    "augmented": (0.66, "not told; about 66 %"),
    "oversampled": (0.8107, "a random tenth of the oversampled rows: 62 % of them have a duplicate in training"),
    "mini_xception": (0.66, "FER2013, split not told (arXiv:1710.07557)"),
}
"""What the authors of a recipe report, and on what: accuracy by the network's name."""


MEANS = ("deduplicated", "ferplus", "ferplus low", "ferplus high")


def compare_pairs(pairs, *, split="PrivateTest", test_set="published"):
    """McNemar's exact test (1947) of pairs (Run, Run) on the same faces: sharper than two intervals side by side.

    Returns
    -------
    pandas.DataFrame
        Indexed by (first, second): difference of accuracy, first less second, with low and high (95 %, normal
        approximation for paired shares); only first and only second, the faces that one alone predicts correctly; p,
        how likely these counts lie so far apart if both are equally good; and p corrected after Holm (1979), since the
        more pairs are tested, the more differ by chance.

    Raises
    ------
    ValueError
        If the two of a pair were not scored on the same faces.
    """
    from scipy.stats import binomtest

    rows = []
    for one, other in pairs:
        (labels, first), (other_labels, second) = one.select(split, test_set), other.select(split, test_set)
        if not np.array_equal(labels, other_labels):
            raise ValueError(f"{one.name} and {other.name} were not scored on the same faces of {split}")
        first, second = first.argmax(1) == labels, second.argmax(1) == labels
        n, only_first, only_second = len(labels), int((first & ~second).sum()), int((second & ~first).sum())
        discordant, difference = only_first + only_second, (only_first - only_second) / n
        margin = 1.96 * np.sqrt(discordant - n * difference**2) / n
        p = binomtest(only_first, discordant).pvalue if discordant else 1.0
        low, high = difference - margin, difference + margin
        rows.append((one.name, other.name, difference, low, high, only_first, only_second, p))
    columns = ["first", "second", "difference", "low", "high", "only first", "only second", "p"]
    table = pd.DataFrame(rows, columns=columns).set_index(["first", "second"])
    order = table["p"].sort_values()
    steps = order * np.arange(len(order), 0, -1)
    return table.assign(**{"p, Holm": steps.cummax().clip(upper=1)})


def compare_runs(runs):
    """One row a run of a list of them: what its recipe claims, its scores on the three test sets, and its costs.

    Returns
    -------
    pandas.DataFrame
        Indexed by run, best PublicTest accuracy first, since that is the split to choose on; then, likewise, runs that
        learned FER+'s labels; then those that saw test faces in training, whatever they score. Columns: leaky (bool);
        labels (that it learned); claim (accuracy, nan for none); by FER2013's labels PublicTest (accuracy), and
        PrivateTest accuracy as published, deduplicated, faces_only, with "<test set> low", "<test set> high" and
        "<test set> n"; the same of FER+'s benchmark, ferplus; macro-F1; calibration error; parameters, multiply_adds,
        file_bytes, milliseconds (a face, LiteRT, one thread); epochs (done), planned, init_from (the run whose weights
        it went on from, or "none"), complete (bool: as many epochs as planned, or ended by early stopping; and scored
        on PrivateTest). nan where a run does not tell.
    """
    table = pd.DataFrame.from_dict({run.name: _row(run) for run in runs}, orient="index")
    chosen_by = [run.accuracy("PublicTest", labels=run.chosen_by) for run in runs]
    order = ["leaky", "labels", "chosen by"]
    table = table.assign(**{"chosen by": chosen_by}).sort_values(order, ascending=[True, True, False], kind="stable")
    return table.drop(columns="chosen by")


def compare_recipes(runs):
    """One row a recipe, its seeds together: what is claimed beside what it scores. Only complete runs are compared.

    Returns
    -------
    pandas.DataFrame
        Indexed by recipe, at most twelve, in the order of `compare_runs`. Columns: labels (that it learned); claim
        (accuracy, nan for none); accuracy on PrivateTest, its low and high (95 % interval), deduplicated accuracy,
        accuracy on FER+'s benchmark, ferplus, with ferplus low and ferplus high, each the mean over seeds;
        seeds (how many), spread (standard deviation over them, nan for one); leaky (bool); parameters, multiply_adds.
    """
    table, means = compare_runs(runs), {}
    table = table[table["complete"]]
    seeds = [[run.name for run in alike] for alike in _group_seeds([run for run in runs if run.name in table.index])]
    for name in [name for name in table.index if name in (*RECIPES, *OWN, *FERPLUS, "oversampled_leaky")]:
        alike = table.loc[next(names for names in seeds if name in names)]
        means[name] = {
            "accuracy": alike["published"].mean(),
            "low": alike["published low"].mean(),
            "high": alike["published high"].mean(),
            **{column: alike[column].mean() for column in MEANS},
            "seeds": len(alike),
            "spread": alike["published"].std(),
        }
    columns = ["accuracy", "low", "high", *MEANS, "seeds", "spread"]
    means = pd.DataFrame.from_dict(means, orient="index", columns=columns)
    return table.loc[means.index, ["labels", "claim", "leaky", "parameters", "multiply_adds"]].join(means)


def compare_labels(runs):
    """One row a run: is it right by FER2013's labels, and is it right in the eyes of people? PrivateTest.

    Returns
    -------
    pandas.DataFrame
        Indexed by run. Columns: labels (that it learned); accuracy by FER2013's labels, on FER+'s benchmark, and there
        deduplicated, as "fer2013", "ferplus" and "deduplicated", each with low, high (95 % interval) and n; of faces on
        which more than half of the voters see one of the seven emotions, with the run's logit adjustment (strength): n,
        accuracy, mean recall, calibration error as "majority n", "majority accuracy" and so on.
    """
    rows = {}
    for run in runs:
        row = {"labels": run.config.labels, "strength": run.metadata.logit_adjustment}
        tests = {"fer2013": {}, "ferplus": {"labels": "ferplus"}}
        tests["deduplicated"] = {"labels": "ferplus", "test_set": "deduplicated"}
        for name, test in tests.items():
            row |= _accuracy(run, name, **test)
        labels, probabilities = run.select(labels="majority")
        scores = evaluate(labels, run.adjust(probabilities))
        row |= {"majority n": scores.n, "majority accuracy": scores.accuracy}
        row |= {
            "majority mean recall": scores.balanced_accuracy,
            "majority calibration error": scores.calibration_error,
        }
        rows[run.name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def average_seeds(runs, *, labels="fer2013"):
    """How much of a score is luck: PrivateTest accuracy, by some labels, over runs that differ in their seed alone.

    Returns
    -------
    pandas.DataFrame
        seeds (how many), accuracy (their mean) and spread (standard deviation): a row for settings that were trained
        more than once, indexed by the run that is best on PublicTest.
    """
    scored = [run for run in runs if "PrivateTest" in run.probabilities]
    groups = [group for group in _group_seeds(scored) if len(group) > 1]
    accuracies = [[run.accuracy("PrivateTest", labels=labels) for run in group] for group in groups]
    rows = [(len(group), np.mean(group), np.std(group, ddof=1)) for group in accuracies]
    return pd.DataFrame(rows, index=[group[0].name for group in groups], columns=["seeds", "accuracy", "spread"])


def check_scores(run, predict_images, faces):
    """Predict anew: does the exported network still give the scores that its run folder states?

    Parameters
    ----------
    run : Run
    predict_images : callable
        Of the run's network: `load_predictor(run.name).predict_images`.
    faces : FaceDataset
        What the run was scored on; ValueError if it was not.

    Returns
    -------
    pandas.DataFrame
        Indexed by test split: stored (accuracy), anew (accuracy), changed (faces predicted as another emotion),
        largest difference (of a probability), n.
    """
    rows = {}
    for split, (labels, stored) in run.probabilities.items():
        anew = predict_images(run.select_faces(faces, split).images)
        before, after = stored.argmax(1), anew.argmax(1)
        rows[split] = {
            "stored": (before == labels).mean(),
            "anew": (after == labels).mean(),
            "changed": (before != after).sum(),
            "largest difference": np.abs(stored - anew).max(),
            "n": len(labels),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def is_complete(run):
    """Has it as many epochs as its recipe asks for, or was it stopped early; and was it scored on PrivateTest?"""
    planned = _plan(run.config).epochs
    early = run.config.patience > 0 and run.config.epochs >= planned
    return "PrivateTest" in run.probabilities and (early or run.metadata.epochs_done >= planned)


def _group_seeds(runs):
    """Lists of runs that differ in their seed alone, each with its best on PublicTest first; the best list first."""
    configs, groups = {run.name: run.config for run in runs}, {}
    for run in sorted(runs, key=lambda run: -run.accuracy("PublicTest", labels=run.chosen_by)):
        groups.setdefault(_path(run.config, configs), []).append(run)
    return list(groups.values())


def _path(config, configs):
    """All settings but the seed, and so for the runs that it went on from: each seed may go on from one of its own."""
    if config.init_from not in configs:
        return (replace(config, seed=0),)
    return (replace(config, seed=0, init_from=""), *_path(configs[config.init_from], configs))


def _row(run):
    metadata, plan, scored = run.metadata, _plan(run.config), "PrivateTest" in run.probabilities
    row = {
        "leaky": run.leaky,
        "labels": run.config.labels,
        "claim": CLAIMS[plan.model][0] if plan in RECIPES.values() else np.nan,
    }
    row["PublicTest"] = run.accuracy("PublicTest")
    tests = {test_set: {"test_set": test_set} for test_set in run.test_sets if scored}
    if len(tests) > 1:
        tests["ferplus"] = {"labels": "ferplus"}
    for name in (*TEST_SETS, "ferplus"):
        row |= _accuracy(run, name, **tests[name]) if name in tests else dict.fromkeys(_columns(name), np.nan)
    scores = run.evaluate("PrivateTest") if scored else None
    row |= {"macro-F1": scores.macro_f1 if scored else np.nan}
    row |= {"calibration error": scores.calibration_error if scored else np.nan}
    costs = ("parameters", "multiply_adds", "file_bytes", "milliseconds")
    row |= {cost: getattr(metadata, cost) or np.nan for cost in costs}
    row |= {"epochs": metadata.epochs_done, "planned": plan.epochs, "init_from": run.config.init_from}
    return row | {"complete": is_complete(run)}


def _columns(name):
    return name, f"{name} low", f"{name} high", f"{name} n"


def _accuracy(run, name, **test):
    accuracy, n = run.accuracy(**test), len(run.select(**test)[0])
    return dict(zip(_columns(name), (accuracy, *wilson_interval(round(accuracy * n), n), n), strict=True))


def _plan(config):
    """The settings of the zoo that a run followed, or else its own: claims are claims for settings, not for a name."""
    # a leak is the claim's own; how many epochs were done stands beside it
    free = {key: getattr(config, key) for key in ("seed", "split_protocol", "epochs")}
    return next((plan for plan in ZOO.values() if replace(plan, **free) == config), config)
