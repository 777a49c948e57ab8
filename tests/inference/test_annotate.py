import numpy as np
import pytest

from ferlib.config import EMOTION_COLORS
from ferlib.inference import FacePrediction, draw_heat, draw_predictions, heat_alpha, prediction_color
from ferlib.inference._annotate import _lay_out

SHAPES = (480, 640), (1000, 1600), (150, 200), (300, 1200), (1600, 900)


def predict(label, probability, box=(60, 40, 80, 80)):
    probabilities = np.full(7, (1 - probability) / 6, np.float32)
    probabilities[label] = probability
    return FacePrediction(box, 0.9, crop=np.zeros((48, 48), np.uint8), probabilities=probabilities)


def is_color(picture, color):
    return (picture == [int(color[i : i + 2], 16) for i in (1, 3, 5)]).all(-1)


def count(picture, color):
    return int(is_color(picture, color).sum())


def draw_scene(seed):
    """A picture's shape, and up to 30 faces anywhere in it, some large, some at its edge."""
    rng = np.random.default_rng(seed)
    shape = SHAPES[seed % len(SHAPES)]
    sides = (min(shape) * rng.uniform(0.04, rng.choice([0.3, 0.9], p=[0.8, 0.2]), rng.integers(1, 31))).astype(int)
    places = [rng.integers(-side // 3, np.array(shape[::-1]) - side // 2).tolist() for side in sides]
    boxes = [(*place, side, side) for place, side in zip(places, sides.tolist(), strict=True)]
    return shape, [predict(int(rng.integers(7)), rng.uniform(0.3, 1), box) for box in boxes]


def meet(first, second):
    return (np.maximum(first[:2], second[:2]) < np.minimum(first[2:], second[2:])).all()


def where_labels_are(boxes, shape=(360, 640)):
    """Left and top of each label, seen from its face."""
    _, _, _, corners, labels = _lay_out(shape, [predict(3, 0.9, box) for box in boxes], list(range(len(boxes))))
    return [label.place[:2] - corners[int(label.text.split()[0])][:2] for label in labels]


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


@pytest.mark.parametrize("seed", range(200))
def test_no_label_meets_a_face_or_another_label(seed):
    shape, faces = draw_scene(seed)
    _, _, _, boxes, labels = _lay_out(shape, faces, list(range(1, 1 + len(faces))))
    places = [label.place for label in labels]
    assert all((place[:2] >= 0).all() and (place[2:] <= shape[::-1]).all() for place in places)
    assert not any(meet(place, box) for place in places for box in boxes)
    assert not any(meet(place, other) for i, place in enumerate(places) for other in places[:i])
    if min(shape) > 150:  # so small a picture cannot hold thirty words
        assert sum(" " in label.text for label in labels) == len(faces)


@pytest.mark.parametrize("box", [(190, 70, 260, 260), (300, 30, 300, 300), (20, -20, 330, 330)])
def test_nothing_is_drawn_on_a_face(box):
    photo = np.full((360, 640, 3), 90, np.uint8)
    drawn = draw_predictions(photo, [predict(3, 0.9, box)])
    x, y, side, _ = box
    assert (drawn[max(0, y) + 6 : y + side - 6, x + 6 : x + side - 6] == 90).all()
    assert count(drawn, EMOTION_COLORS["sad"]) > 0  # a bar, beside the face


def test_labels_stand_still_while_faces_move_a_little():
    boxes = [(100, 90, 120, 120), (240, 60, 90, 90), (400, 140, 100, 100)]
    places = where_labels_are(boxes)
    for step in range(1, 6):
        assert np.array_equal(where_labels_are([(x + step, y - step, *sides) for x, y, *sides in boxes]), places)


def test_a_photo_that_is_all_face_is_drawn_smaller_beside_its_label(photo):
    drawn = draw_predictions(photo, [predict(3, 0.9, (-50, -50, 600, 600))])
    assert drawn.shape == photo.shape
    assert 0 < (drawn == 90).all(-1).mean() < 0.6
    assert count(drawn, EMOTION_COLORS["sad"]) > 0


def test_a_dense_crowd_has_numbers_and_a_legend():
    crowd = [predict(i % 7, 0.9, (60 * (i % 10), 150 + 60 * (i // 10), 50, 50)) for i in range(30)]
    zoom, *_, labels = _lay_out((400, 620), crowd, list(range(1, 31)))
    assert zoom == 1
    numbers, words = ([label for label in labels if (" " in label.text) == worded] for worded in (False, True))
    assert sorted(label.text for label in numbers) == sorted(str(number) for number in range(1, 31))
    assert [label.text.split()[0] for label in words] == [str(number) for number in range(1, 31)]


def test_colour_is_the_emotion_and_the_line_is_the_person(photo):
    faces = [predict(3, 0.9, (20 + 160 * i, 200, 100, 100)) for i in range(3)]
    drawn = draw_predictions(photo, faces, numbers=[1, 2, 3])
    tops = [drawn[200, x : x + 100] for x, *_ in (face.box for face in faces)]
    solid, dashed, dotted = (is_color(top, EMOTION_COLORS["happy"]).mean() for top in tops)
    assert solid > 0.95 > 0.8 > dashed > dotted > 0
    again = draw_predictions(photo, faces[:1], numbers=[4])[200, 20:120]
    assert is_color(again, EMOTION_COLORS["happy"]).mean() > 0.95


def test_heat_is_red_where_it_matters_and_grey_elsewhere():
    matters = np.zeros((48, 48))
    matters[10, 20], matters[30, 30] = 0.4, -1
    heat = draw_heat(np.full((48, 48), 100, np.uint8), matters).astype(int)
    assert heat[10, 20, 0] - heat[10, 20, 2] > 80
    assert (heat[30, 30] == 100).all() and (heat[0, 0] == 100).all()
    assert (draw_heat(np.full((48, 48), 100, np.uint8), np.zeros((48, 48))) == 100).all()
    assert heat_alpha(matters).max() == pytest.approx(0.8)
    assert heat_alpha(matters, highest=1.6).max() == pytest.approx(0.4)
