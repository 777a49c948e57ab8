"""Several networks together: the mean of their probabilities, and the students that learned from it."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ferlib.evaluation._compare import compare_pairs, is_complete
from ferlib.evaluation._scores import wilson_interval


def compare_ensembles(runs, *, most=5):
    """Ensembles, the mean of the probabilities of several runs: of networks that never met, and of any.

    Networks that learned from one another err alike. Those that never met had no teacher but themselves, and of a
    network and the one that it was fine-tuned from only the former counts. Of either kind the `most` that are best on
    PublicTest are candidates; PublicTest chooses how many of them, and only that many are scored on PrivateTest.

    Returns
    -------
    pandas.DataFrame
        Indexed by kind, "never met" and "any", as far as there are such runs: members (list of str, best first),
        PublicTest (accuracy), accuracy on PrivateTest with low and high (95 % interval), and gain, what that is more
        than the first member alone has, with gain low and gain high, as in `compare_pairs`. Runs that are not complete,
        leak, or learned FER+'s labels are left out.
    """
    by_name, rows = {run.name: run for run in runs}, {}
    usable = [run for run in runs if is_complete(run) and not run.leaky and run.config.labels == "fer2013"]
    usable.sort(key=lambda run: -run.accuracy("PublicTest"))
    started_from = {run.config.init_from for run in runs}
    never_met = [run for run in usable if not _was_taught(run.name, by_name) and run.name not in started_from]
    for kind, candidates in {"never met": never_met[:most], "any": usable[:most]}.items():
        if not candidates:
            continue
        scores = [_find_correct(candidates[: n + 1], "PublicTest").mean() for n in range(len(candidates))]
        members = candidates[: np.argmax(scores) + 1]
        correct = _find_correct(members)
        bounds = wilson_interval(correct.sum(), len(correct))
        averaged = replace(members[0], name=kind, probabilities={"PrivateTest": _average(members)})
        gain = compare_pairs([(averaged, members[0])]).iloc[0][["difference", "low", "high"]]
        rows[kind] = ([run.name for run in members], max(scores), correct.mean(), *bounds, *gain)
    columns = ["members", "PublicTest", "accuracy", "low", "high", "gain", "gain low", "gain high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def compare_students(runs):
    """What several teachers know together, and what of it their student keeps: PrivateTest.

    Returns
    -------
    pandas.DataFrame
        Indexed by student: teachers (list of str); accuracy, by the labels that the student learned, of the best of
        them alone ("best alone"), of all together (the mean of their probabilities), and of the student; its size, as a
        share of all their parameters. Students of a teacher that is not among the runs are left out, and runs that are
        not complete.
    """
    by_name, rows = {run.name: run for run in runs}, {}
    for student in filter(is_complete, runs):
        teachers = student.config.teacher.split("+")
        if len(teachers) > 1 and by_name.keys() >= set(teachers):
            taught_by, labels = [by_name[name] for name in teachers], student.chosen_by
            alone = max(teacher.accuracy(labels=labels) for teacher in taught_by)
            together = _find_correct(taught_by, labels=labels).mean()
            size = student.metadata.parameters / sum(teacher.metadata.parameters for teacher in taught_by)
            rows[student.name] = (teachers, alone, together, student.accuracy(labels=labels), size)
    columns = ["teachers", "best alone", "together", "student", "size"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _was_taught(name, by_name):
    """Did it, or what it started from, learn from another network? What is not among the runs may have."""
    if name not in by_name:
        return True
    config = by_name[name].config
    return config.teacher not in ("none", config.init_from) or any(_was_taught(n, by_name) for n in config.sources)


def _average(runs, split="PrivateTest", **options):
    """Labels (N,) and the mean of the probabilities of several runs."""
    labels, _ = runs[0].select(split, **options)
    return labels, np.mean([run.select(split, **options)[1] for run in runs], axis=0)


def _find_correct(runs, *split, **options):
    labels, probabilities = _average(runs, *split, **options)
    return probabilities.argmax(1) == labels
