import numpy as np
import pandas as pd
import pytest

from ferlib.robustness import CORRUPTIONS, change_face, corrupt, measure_robustness, pick_rows


def difference(images, name, strength):
    return np.abs(corrupt(images, name, strength).astype(int) - images).mean()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_stronger_is_worse_and_nothing_wraps_round(name, drawn_faces):
    images = drawn_faces.images[:20]
    seen = corrupt(images, name, 3)
    assert seen.shape == images.shape and seen.dtype == np.uint8
    differences = [difference(images, name, strength) for strength in range(1, 6)]
    assert differences == sorted(differences) and differences[0] > 0
    assert np.array_equal(seen, corrupt(images, name, 3))


def test_light_keeps_the_order_of_grey_levels():
    ramp = np.tile(np.linspace(0, 255, 48).astype(np.uint8), (1, 48, 1))
    for strength in range(1, 6):
        assert (np.diff(corrupt(ramp, "too bright", strength)[0].astype(int), axis=1) >= 0).all()
        assert corrupt(ramp, "too dark", strength).max() <= 0.7 * 255


def test_a_cover_is_a_square():
    covered = corrupt(np.zeros((3, 48, 48), np.uint8), "occlusion", 1) > 0
    assert list(covered.sum((1, 2))) == [64, 64, 64]


def test_blur_and_rotation_do_what_they_are_called():
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, :, 23:25] = 255  # an upright bar
    assert corrupt(image, "blur", 5).max() < 100
    turned = corrupt(image, "rotation", 5)[0]
    assert turned[2:12, 22:26].sum() == 0 and turned[23:25, 23:25].min() > 0


@pytest.mark.parametrize(("name", "strength"), [("rain", 1), ("blur", 0), ("blur", 6)])
def test_what_there_is_not_is_refused(name, strength):
    with pytest.raises(ValueError, match=f"{name}.*{strength}: expected 1..5 of blur, noise"):
        corrupt(np.zeros((1, 48, 48), np.uint8), name, strength)


def test_the_same_faces_every_time():
    rows = pick_rows(3589)
    assert len(rows) == len(set(rows)) == 1000
    assert np.array_equal(rows, pick_rows(3589))
    assert list(pick_rows(5)) == [0, 1, 2, 3, 4]


def test_a_network_that_reads_light_fails_in_the_dark_only():
    images = np.full((40, 48, 48), 200, np.uint8)

    def predict_images(seen):
        return np.eye(7)[np.where(seen.mean((1, 2)) > 100, 3, 4)]

    table = measure_robustness(predict_images, images, np.full(40, 3)).set_index(["corruption", "strength"])
    assert len(table) == 1 + 5 * len(CORRUPTIONS)
    assert table.loc[("none", 0), "accuracy"] == 1
    assert table.loc["too dark", "accuracy"].to_list() == [1, 0, 0, 0, 0]
    assert (table.loc["too bright", "accuracy"] == 1).all()
    assert table.loc[("rotation", 2), "meaning"] == "10 degrees, left or right"
    assert (table["n"] == 40).all() and (table["low"] <= table["accuracy"]).all()
    assert isinstance(table, pd.DataFrame)


def test_several_changes_at_once_and_the_same_every_time(drawn_faces):
    face, settings = drawn_faces.images[0], {"blur": 1.0, "noise": 20, "occlusion": 8}
    assert np.array_equal(change_face(face, {}), face)
    assert np.array_equal(change_face(face, settings), change_face(face, settings))
    assert not np.array_equal(change_face(face, settings), change_face(face, {"blur": 1.0}))
