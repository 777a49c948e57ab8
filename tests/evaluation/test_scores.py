import numpy as np
import pytest

from ferlib.config import EMOTIONS
from ferlib.evaluation import adjust_logits, apply_temperature, evaluate, wilson_interval
from ferlib.evaluation._scores import fit_logit_adjustment, fit_temperature


def certain(predicted):
    return np.eye(7)[predicted]


def test_scores_count_what_was_predicted_as_what():
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


def test_temperature_scaling_undoes_overconfidence():
    rng = np.random.default_rng(0)
    calibrated = rng.dirichlet(np.ones(7), 5000)
    labels = np.array([rng.choice(7, p=row) for row in calibrated])
    sharpened = apply_temperature(calibrated, 0.5)
    temperature = fit_temperature(labels, sharpened)
    assert temperature == pytest.approx(2, abs=0.15)
    scaled = apply_temperature(sharpened, temperature)
    assert evaluate(labels, scaled).calibration_error < evaluate(labels, sharpened).calibration_error / 3
    assert np.array_equal(scaled.argmax(1), sharpened.argmax(1))


def test_logit_adjustment_turns_one_prior_into_another(draw_answers):
    labels, probabilities = draw_answers(20_000)
    prior = np.array([1, 2, 3, 4, 5, 6, 7]) / 28
    seen = adjust_logits(probabilities, 1 / prior, 1)  # as a network says that saw emotions as often as `prior` has it
    assert adjust_logits(seen, prior, 0) == pytest.approx(seen, abs=1e-6)
    assert adjust_logits(seen, prior, 1) == pytest.approx(probabilities, abs=1e-6)
    assert fit_logit_adjustment(labels, seen, prior) == pytest.approx(1, abs=0.1)


def test_scores_are_those_of_scikit_learn(draw_answers):
    from sklearn import metrics

    labels, probabilities = draw_answers(500)
    predicted, scores = probabilities.argmax(1), evaluate(labels, probabilities)
    assert scores.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert scores.top2 == pytest.approx(metrics.top_k_accuracy_score(labels, probabilities, k=2))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(labels, predicted)
    assert np.allclose([scores.precision, scores.recall, scores.f1], [precision, recall, f1])
    brier = np.mean([metrics.brier_score_loss(labels == k, probabilities[:, k]) for k in range(7)]) * 7
    assert scores.brier == pytest.approx(brier)


def test_intervals_agree_with_resampling_by_hand(draw_answers):
    labels, probabilities = draw_answers(300)
    scores, rng = evaluate(labels, probabilities), np.random.default_rng(1)
    rows = rng.integers(300, size=(200, 300))
    brier = [np.square(probabilities[row] - np.eye(7)[labels[row]]).sum(1).mean() for row in rows]
    assert scores.intervals["brier"] == pytest.approx(np.quantile(brier, [0.025, 0.975]), abs=0.02)
    macro_f1 = [evaluate(labels[row], probabilities[row]).macro_f1 for row in rows[:60]]
    assert scores.intervals["macro_f1"] == pytest.approx(np.quantile(macro_f1, [0.025, 0.975]), abs=0.04)


def test_a_calibrated_network_may_have_no_calibration_error_at_all(draw_answers):
    calibrated, sharpened = (evaluate(*draw_answers(3589, sharpness=sharpness)) for sharpness in (1, 2))
    assert calibrated.intervals["calibration_error"][0] < 0.01
    assert sharpened.intervals["calibration_error"][0] > 0.05


def test_the_same_scores_every_time(draw_answers):
    labels, probabilities = draw_answers(200)
    assert evaluate(labels, probabilities).intervals["brier"] == evaluate(labels, probabilities).intervals["brier"]


def test_tables_name_what_they_hold(draw_answers):
    scores = evaluate(*draw_answers(200))
    assert scores.table().loc["top-2 accuracy", "score"] == scores.top2
    assert list(scores.by_class().index) == list(EMOTIONS)
    assert scores.by_class()["faces"].sum() == 200
    assert scores.by_class().loc["happy", "recall low"] == scores.intervals["recall"][3, 0]
