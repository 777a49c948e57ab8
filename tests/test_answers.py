import numpy as np
import pytest

from ferlib.answers import find_confident_errors, find_doubtful_hits, score_coverage, sum_probabilities
from ferlib.config import COARSE, EMOTIONS
from ferlib.evaluate import evaluate


def test_the_coarse_question_adds_up_and_keeps_every_face(draw_answers):
    labels, probabilities = draw_answers(300)
    coarse_labels, coarse = sum_probabilities(labels, probabilities)
    assert coarse.sum(1) == pytest.approx(1)
    assert coarse[:, 2] == pytest.approx(probabilities[:, [0, 1, 2, 4]].sum(1))
    assert [list(COARSE)[i] for i in sum_probabilities(np.arange(7), probabilities[:7])[0]] == [
        *["negative"] * 3,
        *["positive", "negative", "surprise", "neutral"],
    ]
    scores = evaluate(coarse_labels, coarse, names=COARSE)
    assert scores.n == 300 and scores.names == tuple(COARSE)
    assert scores.accuracy > evaluate(labels, probabilities).accuracy


def test_not_sure_buys_accuracy_on_the_rest(draw_answers):
    labels, probabilities = draw_answers(2000)
    table = score_coverage(labels, probabilities, shares=(1.0, 0.5))
    surest = probabilities.max(1) >= np.median(probabilities.max(1))
    assert table.loc[1.0, "accuracy"] == evaluate(labels, probabilities).accuracy
    assert table.loc[0.5, "accuracy"] == (probabilities.argmax(1) == labels)[surest].mean()
    assert table.loc[0.5, "n"] == 1000
    assert table.loc[0.5, "low"] > table.loc[1.0, "high"]


def test_the_surest_errors_and_the_shakiest_hits_come_first(draw_answers):
    labels, probabilities = draw_answers(300)
    errors, hits = find_confident_errors(labels, probabilities), find_doubtful_hits(labels, probabilities, count=3)
    assert len(errors) == 10 and len(hits) == 3
    assert (errors["label"] != errors["read as"]).all() and (hits["label"] == hits["read as"]).all()
    confidence = probabilities.max(1)
    assert confidence[errors.index[0]] == confidence[probabilities.argmax(1) != labels].max()
    assert confidence[hits.index[0]] == confidence[probabilities.argmax(1) == labels].min()
    assert list(errors.iloc[0][2:]) == list(probabilities[errors.index[0]])
    assert errors["label"].iloc[0] == EMOTIONS[labels[errors.index[0]]]
