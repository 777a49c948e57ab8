import numpy as np
import pandas as pd
import pytest

from ferlib.evaluation import CORRUPTIONS, apply_corruptions, measure_robustness


def corrupt(images, name, severity):
    setting = CORRUPTIONS[name].settings[severity - 1]
    return np.stack([apply_corruptions(image, {name: setting}) for image in images])


def difference(images, name, severity):
    return np.abs(corrupt(images, name, severity).astype(int) - images).mean()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_stronger_is_worse_and_nothing_wraps_round(name, drawn_faces):
    images = drawn_faces.images[:20]
    seen = corrupt(images, name, 3)
    assert seen.shape == images.shape and seen.dtype == np.uint8
    differences = [difference(images, name, severity) for severity in range(1, 6)]
    assert differences == sorted(differences) and differences[0] > 0
    assert np.array_equal(seen, corrupt(images, name, 3))


def test_light_keeps_the_order_of_grey_levels():
    ramp = np.tile(np.linspace(0, 255, 48).astype(np.uint8), (1, 48, 1))
    for severity in range(1, 6):
        assert (np.diff(corrupt(ramp, "too bright", severity)[0].astype(int), axis=1) >= 0).all()
        assert corrupt(ramp, "too dark", severity).max() <= 0.7 * 255


def test_a_cover_is_a_square():
    covered = corrupt(np.zeros((3, 48, 48), np.uint8), "occlusion", 1) > 0
    assert list(covered.sum((1, 2))) == [64, 64, 64]


def test_blur_and_rotation_do_what_they_are_called():
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, :, 23:25] = 255  # an upright bar
    assert corrupt(image, "blur", 5).max() < 100
    turned = corrupt(image, "rotation", 5)[0]
    assert turned[2:12, 22:26].sum() == 0 and turned[23:25, 23:25].min() > 0


def test_a_network_that_relies_on_light_fails_in_the_dark_only():
    images = np.full((40, 48, 48), 200, np.uint8)

    def predict_images(seen):
        return np.eye(7)[np.where(seen.mean((1, 2)) > 100, 3, 4)]

    table = measure_robustness(predict_images, images, np.full(40, 3)).set_index(["corruption", "severity"])
    assert len(table) == 1 + 5 * len(CORRUPTIONS)
    assert table.loc[("none", 0), "accuracy"] == 1
    assert table.loc["too dark", "accuracy"].to_list() == [1, 0, 0, 0, 0]
    assert (table.loc["too bright", "accuracy"] == 1).all()
    assert table.loc[("rotation", 2), "meaning"] == "10 degrees, left or right"
    assert (table["n"] == 40).all() and (table["low"] <= table["accuracy"]).all()
    assert isinstance(table, pd.DataFrame)


def test_several_corruptions_at_once_and_the_same_every_time(drawn_faces):
    face, settings = drawn_faces.images[0], {"blur": 1.0, "noise": 20, "occlusion": 8}
    assert np.array_equal(apply_corruptions(face, {}), face)
    assert np.array_equal(apply_corruptions(face, settings), apply_corruptions(face, settings))
    assert not np.array_equal(apply_corruptions(face, settings), apply_corruptions(face, {"blur": 1.0}))
