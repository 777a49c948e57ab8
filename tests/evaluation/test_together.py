import dataclasses

import numpy as np
import pytest

from ferlib.evaluation import compare_ensembles, compare_students, format_ensembles, format_students
from ferlib.recipes import TrainConfig


@pytest.fixture
def knowing(run):
    """A function that makes a run which is right about all faces but every fourth from `wrong` on, or about none."""

    def know(name, *, wrong=None, shown=0.6, parameters=100, **config):
        given = {}
        for split, (labels, _) in run.probabilities.items():
            right = np.zeros(len(labels), bool) if wrong is None else np.arange(len(labels)) % 4 != wrong
            probabilities = np.full((len(labels), 7), (1 - shown) / 6, np.float32)
            probabilities[np.arange(len(labels)), np.where(right, labels, (labels + 1) % 7)] = shown
            given[split] = (labels, probabilities)
        settings = TrainConfig(**{"width": 0.5, "epochs": run.metadata.epochs_done} | config)
        metadata = dataclasses.replace(run.metadata, config=settings, parameters=parameters)
        return dataclasses.replace(run, name=name, metadata=metadata, probabilities=given)

    return know


def test_networks_that_err_on_different_faces_are_better_together(knowing):
    runs = [knowing(f"run {wrong}", wrong=wrong) for wrong in range(3)] + [knowing("poor", shown=0.9)]
    row = compare_ensembles(runs).loc["never met"]
    assert row["members"] == ["run 0", "run 1", "run 2"]
    assert row["PublicTest"] == row["accuracy"] == 1 and row["low"] < 1 <= row["high"]
    assert row["gain"] == pytest.approx(0.25, abs=0.01) and row["gain low"] < row["gain"] < row["gain high"]
    text = format_ensembles(compare_ensembles(runs)).loc["never met"]
    assert text["members"] == "run 0, run 1, run 2" and text["points against the first"].startswith("+25.0 [")


def test_networks_that_learned_from_another_met_it(knowing):
    runs = [
        knowing("one", wrong=0),
        knowing("other", wrong=1),
        knowing("student", wrong=2, teacher="one", distillation=0.5),
        knowing("of the student", wrong=2, init_from="student"),
        knowing("of nobody knows whom", wrong=2, init_from="not here"),
        knowing("begun", wrong=2),
        knowing("taught by itself", wrong=2, init_from="begun", teacher="begun", distillation=0.5),
    ]
    members = compare_ensembles(runs, most=3)["members"].map(set)
    assert members["never met"] == {"one", "taught by itself", "other"}
    assert members["any"] == {"one", "other", "student"}


def test_what_leaks_or_is_under_way_or_learned_votes_is_in_no_ensemble(knowing):
    runs = [
        knowing("leaky", wrong=0, split_protocol="leaky"),
        knowing("votes", wrong=0, labels="ferplus"),
        knowing("short", wrong=0, epochs=1000),
    ]
    assert format_ensembles(compare_ensembles(runs)).empty


def test_a_student_stands_beside_its_teachers(knowing):
    teachers = [knowing(f"teacher{wrong}", wrong=wrong, parameters=150) for wrong in range(3)]
    student = knowing("student", wrong=3, parameters=9, teacher="teacher0+teacher1+teacher2", distillation=0.5)
    alone = knowing("alone", wrong=3, teacher="teacher0", distillation=0.5)
    table = compare_students([*teachers, student, alone])
    (row,) = table.to_dict("records")
    assert row["teachers"] == ["teacher0", "teacher1", "teacher2"] and row["together"] == 1
    assert row["best alone"] == pytest.approx(0.75, abs=0.01) == row["student"]
    assert row["size"] == pytest.approx(0.02)
    assert format_students(table).loc["student", "size"] == "2.0%"
    assert format_students(compare_students([student, *teachers[:2]])).empty
