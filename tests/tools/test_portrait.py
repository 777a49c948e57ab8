from itertools import combinations

import numpy as np
import pytest

from ferlib.config import EMOTIONS
from tools.anatomy import ACTION_UNITS, EMOTION_UNITS, HAIR, MUSCLES, SHADES, WRINKLES
from tools.portrait import draw_face


@pytest.mark.parametrize("size", [48, 100])
def test_a_face_has_the_size_asked_for_and_is_no_blank(size):
    face = draw_face("happy", size=size, seed=1)
    assert face.shape == (size, size)
    assert face.dtype == np.uint8
    assert np.ptp(face) > 60


def test_the_seed_chooses_the_person():
    assert np.array_equal(draw_face("sad", seed=3), draw_face("sad", seed=3))
    assert not np.array_equal(draw_face("sad", seed=3), draw_face("sad", seed=4))


def test_one_person_changes_only_the_face_with_the_emotion():
    faces = {emotion: draw_face(emotion, seed=8).astype(int) for emotion in EMOTIONS}
    for one, other in combinations(EMOTIONS, 2):
        change = np.abs(faces[one] - faces[other])
        assert change[16:40, 10:38].max() > 40, f"{one} looks like {other}"
        assert change[:4].max() == 0


def test_a_larger_picture_shows_the_same_face():
    small, large = draw_face("surprise", seed=2), draw_face("surprise", size=192, seed=2)
    reduced = large.reshape(48, 4, 48, 4).mean(axis=(1, 3))
    assert np.abs(reduced - small).mean() < 4


def test_an_unknown_emotion_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'bored'.*angry, disgust"):
        draw_face("bored", seed=0)


def test_tables_fit_together():
    assert tuple(EMOTION_UNITS) == EMOTIONS
    assert {unit for units in EMOTION_UNITS.values() for unit in units} == set(ACTION_UNITS)
    assert {part for part, *_ in (*SHADES, *WRINKLES)} <= {*MUSCLES, "always"}
    assert sum(share for share, *_ in HAIR.values()) == pytest.approx(1)
