import numpy as np
import pytest

from ferlib.config import EMOTIONS
from ferlib.evaluate import (
    COARSE,
    apply_temperature,
    evaluate,
    fit_temperature,
    score_coverage,
    sum_probabilities,
    wilson_interval,
)


def certain(predicted):
    return np.eye(7)[predicted]


def draw(n, *, seed=0, sharpness=1.0):
    """Labels and probabilities of a network that is as right as it says, or too sure of itself."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(7, 0.4), n)
    labels = (probabilities.cumsum(1) > rng.random((n, 1))).argmax(1)
    return labels, apply_temperature(probabilities, 1 / sharpness).astype(np.float64)


def test_scores_count_what_was_read_as_what():
    labels = np.array([0, 1, 2, 3, 4, 5, 6, 3])
    scores = evaluate(labels, certain([0, 1, 2, 3, 4, 5, 6, 6]))
    assert scores.n == 8
    assert scores.accuracy == 7 / 8
    assert scores.confusion[3, 6] == 1
    assert scores.recall[3] == 0.5
    assert scores.f1[6] == pytest.approx(2 / 3)
    assert scores.calibration_error == pytest.approx(1 / 8)


def test_intervals_hold_the_score_and_shrink_with_n():
    rng = np.random.default_rng(0)
    widths = []
    for n in (200, 3589):
        labels = rng.integers(0, 7, n)
        predicted = np.where(rng.random(n) < 0.7, labels, rng.integers(0, 7, n))
        scores = evaluate(labels, certain(predicted))
        for value, (low, high) in (
            (scores.accuracy, scores.interval),
            (scores.macro_f1, scores.intervals["macro_f1"]),
            (scores.balanced_accuracy, scores.intervals["balanced_accuracy"]),
            (scores.brier, scores.intervals["brier"]),
            (scores.calibration_error, scores.intervals["calibration_error"]),
            (scores.f1[3], scores.intervals["f1"][3]),
            (scores.precision[3], scores.intervals["precision"][3]),
        ):
            assert low < value < high
        widths.append(scores.interval[1] - scores.interval[0])
    assert widths[1] < widths[0] / 3


def test_an_emotion_without_faces_has_no_recall():
    scores = evaluate(np.array([3, 3]), certain([3, 4]))
    assert np.isnan(scores.recall[1])
    assert np.isnan(scores.intervals["recall"][1]).all()
    assert scores.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


@pytest.mark.parametrize("shape", [(3, 7), (2, 6), (2,)])
def test_shapes_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match="2 labels and probabilities of shape"):
        evaluate(np.array([0, 1]), np.full(shape, 1 / 7))


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="0 labels"):
        evaluate(np.array([], dtype=int), np.empty((0, 7)))


def test_wilson_interval_of_nothing():
    assert np.isnan(wilson_interval(0, 0)).all()


def test_temperature_cures_overconfidence():
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.ones(7), 5000)
    labels = np.array([rng.choice(7, p=row) for row in honest])
    sharpened = apply_temperature(honest, 0.5)
    temperature = fit_temperature(labels, sharpened)
    assert temperature == pytest.approx(2, abs=0.15)
    cured = apply_temperature(sharpened, temperature)
    assert evaluate(labels, cured).calibration_error < evaluate(labels, sharpened).calibration_error / 3
    assert np.array_equal(cured.argmax(1), sharpened.argmax(1))


def test_scores_are_those_of_scikit_learn():
    from sklearn import metrics

    labels, probabilities = draw(500)
    predicted, scores = probabilities.argmax(1), evaluate(labels, probabilities)
    assert scores.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert scores.top2 == pytest.approx(metrics.top_k_accuracy_score(labels, probabilities, k=2))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(labels, predicted)
    assert np.allclose([scores.precision, scores.recall, scores.f1], [precision, recall, f1])
    brier = np.mean([metrics.brier_score_loss(labels == k, probabilities[:, k]) for k in range(7)]) * 7
    assert scores.brier == pytest.approx(brier)


def test_intervals_agree_with_resampling_by_hand():
    labels, probabilities = draw(300)
    scores, rng = evaluate(labels, probabilities), np.random.default_rng(1)
    rows = rng.integers(300, size=(200, 300))
    brier = [np.square(probabilities[row] - np.eye(7)[labels[row]]).sum(1).mean() for row in rows]
    assert scores.intervals["brier"] == pytest.approx(np.quantile(brier, [0.025, 0.975]), abs=0.02)
    macro_f1 = [evaluate(labels[row], probabilities[row]).macro_f1 for row in rows[:60]]
    assert scores.intervals["macro_f1"] == pytest.approx(np.quantile(macro_f1, [0.025, 0.975]), abs=0.04)


def test_an_honest_network_may_have_no_calibration_error_at_all():
    honest, sharpened = (evaluate(*draw(3589, sharpness=sharpness)) for sharpness in (1, 2))
    assert honest.intervals["calibration_error"][0] < 0.01
    assert sharpened.intervals["calibration_error"][0] > 0.05


def test_the_same_scores_every_time():
    labels, probabilities = draw(200)
    assert evaluate(labels, probabilities).intervals["brier"] == evaluate(labels, probabilities).intervals["brier"]


def test_tables_name_what_they_hold():
    scores = evaluate(*draw(200))
    assert scores.table().loc["top2", "score"] == scores.top2
    assert list(scores.by_answer().index) == list(EMOTIONS)
    assert scores.by_answer()["faces"].sum() == 200
    assert scores.by_answer().loc["happy", "recall low"] == scores.intervals["recall"][3, 0]


def test_the_coarse_question_adds_up_and_keeps_every_face():
    labels, probabilities = draw(300)
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


def test_not_sure_buys_accuracy_on_the_rest():
    labels, probabilities = draw(2000)
    table = score_coverage(labels, probabilities, shares=(1.0, 0.5))
    surest = probabilities.max(1) >= np.median(probabilities.max(1))
    assert table.loc[1.0, "accuracy"] == evaluate(labels, probabilities).accuracy
    assert table.loc[0.5, "accuracy"] == (probabilities.argmax(1) == labels)[surest].mean()
    assert table.loc[0.5, "n"] == 1000
    assert table.loc[0.5, "low"] > table.loc[1.0, "high"]
