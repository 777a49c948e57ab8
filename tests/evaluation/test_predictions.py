import numpy as np
import pandas as pd
import pytest

from ferlib.config import COARSE, EMOTIONS
from ferlib.data import VOTES
from ferlib.evaluation import (
    accuracy_coverage,
    coarse_probabilities,
    compare_with_votes,
    evaluate,
    find_confident_errors,
    find_uncertain_correct,
)


def test_coarse_probabilities_add_up_and_keep_every_face(draw_answers):
    labels, probabilities = draw_answers(300)
    coarse_labels, coarse = coarse_probabilities(labels, probabilities)
    assert coarse.sum(1) == pytest.approx(1)
    assert coarse[:, 2] == pytest.approx(probabilities[:, [0, 1, 2, 4]].sum(1))
    assert [list(COARSE)[i] for i in coarse_probabilities(np.arange(7), probabilities[:7])[0]] == [
        *["negative"] * 3,
        *["positive", "negative", "surprise", "neutral"],
    ]
    scores = evaluate(coarse_labels, coarse, names=COARSE)
    assert scores.n == 300 and scores.names == tuple(COARSE)
    assert scores.accuracy > evaluate(labels, probabilities).accuracy


def test_abstaining_buys_accuracy_on_the_rest(draw_answers):
    labels, probabilities = draw_answers(2000)
    table = accuracy_coverage(labels, probabilities, coverage=(1.0, 0.5))
    most_confident = probabilities.max(1) >= np.median(probabilities.max(1))
    assert table.loc[1.0, "accuracy"] == evaluate(labels, probabilities).accuracy
    assert table.loc[0.5, "accuracy"] == (probabilities.argmax(1) == labels)[most_confident].mean()
    assert table.loc[0.5, "n"] == 1000
    assert table.loc[0.5, "low"] > table.loc[1.0, "high"]


def test_confident_errors_and_uncertain_correct_predictions_come_first(draw_answers):
    labels, probabilities = draw_answers(300)
    errors, correct = (
        find_confident_errors(labels, probabilities),
        find_uncertain_correct(labels, probabilities, count=3),
    )
    assert len(errors) == 10 and len(correct) == 3
    assert (errors["label"] != errors["predicted"]).all() and (correct["label"] == correct["predicted"]).all()
    confidence = probabilities.max(1)
    assert confidence[errors.index[0]] == confidence[probabilities.argmax(1) != labels].max()
    assert confidence[correct.index[0]] == confidence[probabilities.argmax(1) == labels].min()
    assert list(errors.iloc[0][2:]) == list(probabilities[errors.index[0]])
    assert errors["label"].iloc[0] == EMOTIONS[labels[errors.index[0]]]


def test_annotators_side_with_the_label_or_with_the_network():
    votes = [{"anger": 9}, {"anger": 9}, {"happiness": 9}, {"sadness": 9}, {"anger": 5, "fear": 5}]
    table = pd.DataFrame(votes, columns=list(VOTES)).fillna(0).astype(int)
    sides = compare_with_votes(np.zeros(5, int), np.array([0, 3, 3, 3, 3]), table)
    assert sides.loc["correct"].to_list() == [1, 0, 0, 0]
    assert sides.loc["errors"].to_list() == [1, 1, 1, 1]
    assert sides.loc["all"].sum() == 5
