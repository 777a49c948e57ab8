import numpy as np
import pytest

from ferlib.config import EMOTION_COLORS
from ferlib.inference import FacePrediction, draw_heat, draw_predictions, heat_alpha, prediction_color


def predict(label, probability, box=(60, 40, 80, 80)):
    probabilities = np.full(7, (1 - probability) / 6, np.float32)
    probabilities[label] = probability
    return FacePrediction(box, 0.9, crop=np.zeros((48, 48), np.uint8), probabilities=probabilities)


def count(picture, color):
    return int((picture == [int(color[i : i + 2], 16) for i in (1, 3, 5)]).all(-1).sum())


@pytest.fixture
def photo():
    return np.full((400, 500, 3), 90, np.uint8)


def test_bars_are_as_long_as_their_probabilities(photo):
    likely, unsure = (draw_predictions(photo, [predict(3, p)]) for p in (0.9, 0.45))
    assert (photo == 90).all()
    bars = [count(drawn, EMOTION_COLORS["happy"]) for drawn in (likely, unsure)]
    assert bars[0] > bars[1] > 0
    assert 0 < count(likely, EMOTION_COLORS["sad"]) < count(unsure, EMOTION_COLORS["sad"])


def test_not_sure_has_no_emotions_colour():
    assert prediction_color(predict(3, 0.9)) == EMOTION_COLORS["happy"]
    assert prediction_color(predict(3, 0.4)) not in EMOTION_COLORS.values()


def test_faces_at_every_edge_and_in_tiny_photos_are_drawn(photo):
    boxes = [(-30, -30, 80, 80), (450, 350, 80, 80), (450, -10, 80, 80), (-20, 380, 40, 40)]
    drawn = draw_predictions(photo, [predict(1, 0.8, box) for box in boxes])
    assert count(drawn, EMOTION_COLORS["disgust"]) > 0
    assert draw_predictions(photo[:20, :30], [predict(1, 0.8)]).shape == (20, 30, 3)


def test_a_crowd_gets_no_bars(photo):
    crowd = [predict(3, 0.9, (80 * i, 20, 60, 60)) for i in range(5)]
    assert count(draw_predictions(photo, crowd), EMOTION_COLORS["sad"]) == 0


def test_heat_is_red_where_it_matters_and_grey_elsewhere():
    matters = np.zeros((48, 48))
    matters[10, 20], matters[30, 30] = 0.4, -1
    heat = draw_heat(np.full((48, 48), 100, np.uint8), matters).astype(int)
    assert heat[10, 20, 0] - heat[10, 20, 2] > 80
    assert (heat[30, 30] == 100).all() and (heat[0, 0] == 100).all()
    assert (draw_heat(np.full((48, 48), 100, np.uint8), np.zeros((48, 48))) == 100).all()
    assert heat_alpha(matters).max() == pytest.approx(0.8)
    assert heat_alpha(matters, highest=1.6).max() == pytest.approx(0.4)
