import numpy as np
import pytest

from ferlib.evaluate import apply_temperature, evaluate, fit_temperature, wilson_interval


def certain(predicted):
    return np.eye(7)[predicted]


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
            (scores.macro_f1, scores.macro_f1_interval),
        ):
            assert low < value < high
        widths.append(scores.interval[1] - scores.interval[0])
    assert widths[1] < widths[0] / 3


def test_an_emotion_without_faces_has_no_recall():
    scores = evaluate(np.array([3, 3]), certain([3, 4]))
    assert np.isnan(scores.recall[1])
    assert np.isnan(scores.recall_intervals[1]).all()
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
