import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from ferlib.evaluation import grad_cam, occlusion_map
from ferlib.evaluation._explain import average_occlusion


def test_the_part_that_decides_is_found():
    image = np.full((48, 48), 100, np.uint8)
    image[30:40, 10:20] = 255

    def predict_images(images):
        bright = (images[:, 30:40, 10:20] > 200).mean((1, 2))
        return np.stack([bright, 1 - bright], axis=1)

    matters = occlusion_map(predict_images, image)
    assert matters.shape == (48, 48)
    assert matters[30:40, 10:20].min() > 0.3
    assert np.abs(matters[:15, 30:]).max() == 0
    assert np.array_equal(occlusion_map(predict_images, image, emotion=1), -matters)


def test_on_average_each_emotion_is_found_in_its_place():
    images, labels = np.full((8, 48, 48), 100, np.uint8), np.array([3, 3, 3, 3, 4, 4, 4, 4])
    images[:4, 30:40, 10:20] = images[4:, 5:15, 30:40] = 255
    images[3] = 0  # happy, and not predicted so

    def predict_images(seen):
        happy, sad = (seen[:, 30:40, 10:20] > 200).mean((1, 2)), (seen[:, 5:15, 30:40] > 200).mean((1, 2))
        probabilities = np.zeros((len(seen), 7))
        probabilities[:, 3], probabilities[:, 4], probabilities[:, 0] = happy, sad, 1 - happy - sad
        return probabilities

    maps, faces = average_occlusion(predict_images, images, labels, count=2, step=4)
    assert maps[3, 32:38, 12:18].min() > 0.3 and maps[3, :20].max() == 0
    assert maps[4, 7:13, 32:38].min() > 0.3 and maps[4, 25:].max() == 0
    assert np.isnan(maps[0]).all() and np.isnan(faces[0]).all()
    assert np.array_equal(faces[3], images[:4].mean(0))


@pytest.fixture
def bright_spots():
    """A toy network that says happy for bright pixels and sad for dark ones, wherever they are."""
    import keras
    from keras import layers

    pixels = keras.Input((48, 48, 1))
    x = layers.Conv2D(2, 3, padding="same", activation="relu", name="spots")(layers.Rescaling(1 / 255)(pixels))
    x = layers.Dense(7, activation="softmax")(layers.GlobalAveragePooling2D()(layers.MaxPooling2D(4)(x)))
    network = keras.Model(pixels, x)
    kernel, votes = np.zeros((3, 3, 1, 2)), np.zeros((2, 7))
    kernel[1, 1, 0] = 1, -1
    votes[0, 3] = votes[1, 4] = 9
    network.set_weights([kernel, np.array([-0.6, 0.4]), votes, np.zeros(7)])
    return network


@pytest.fixture
def spotted():
    """Grey, with a bright spot in the upper left and a dark one in the lower right."""
    image = np.full((48, 48), 127, np.uint8)
    image[8:14, 8:14], image[32:36, 32:36] = 255, 0
    return image


def test_grad_cam_points_at_what_speaks_for_an_emotion(bright_spots, spotted):
    for emotion, place in ((3, np.s_[9:13, 9:13]), (4, np.s_[33:35, 33:35])):
        matters = grad_cam(bright_spots, spotted, emotion=emotion)
        assert matters.shape == (48, 48) and matters.dtype == np.float32
        assert matters[place].min() == 1
        assert matters[:24, 24:].max() == 0


def test_grad_cam_explains_the_likeliest_emotion_by_default(bright_spots, spotted):
    assert np.array_equal(grad_cam(bright_spots, spotted), grad_cam(bright_spots, spotted, emotion=3))


def test_grad_cam_takes_any_layer_that_all_else_depends_on(bright_spots, spotted):
    by_name = grad_cam(bright_spots, spotted, layer="spots")
    assert np.array_equal(by_name, grad_cam(bright_spots, spotted))
    with pytest.raises(ValueError, match="nonesuch"):
        grad_cam(bright_spots, spotted, layer="nonesuch")


def test_grad_cam_of_nothing_is_nothing(bright_spots):
    assert grad_cam(bright_spots, np.full((48, 48), 127, np.uint8)).max() == 0


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_grad_cam_is_the_same_on_every_backend(backend, spotted, run_folder, tmp_path):
    import keras

    if backend != "jax" and not find_spec(backend):  # JAX comes with the extra dev: without it, fail
        pytest.skip(f"{backend} is not installed")
    code = """
import sys, keras, numpy as np
from ferlib.evaluation import grad_cam
_, network, image, target = sys.argv
np.save(target, grad_cam(keras.models.load_model(network), np.load(image)))
"""
    network, files = run_folder / "model.keras", [tmp_path / "image.npy", tmp_path / "map.npy"]
    np.save(files[0], spotted)
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", code, network, *files], env=environment, check=True)
    assert np.load(files[1]) == pytest.approx(grad_cam(keras.models.load_model(network), spotted), abs=1e-3)


@pytest.mark.parametrize("name", ["simple", "mini_xception", "attention"])
def test_grad_cam_looks_into_the_zoo(name, drawn_faces):
    from ferlib.training import MODELS

    matters = grad_cam(MODELS[name](0.1), drawn_faces.images[0])
    assert matters.shape == (48, 48) and matters.min() >= 0 and matters.max() in (0, pytest.approx(1))


def test_a_network_without_maps_is_refused():
    import keras

    pixels = keras.Input((48, 48, 1))
    network = keras.Model(pixels, keras.layers.Dense(7)(keras.layers.Flatten()(pixels)), name="flat")
    with pytest.raises(ValueError, match="flat has no convolution"):
        grad_cam(network, np.zeros((48, 48), np.uint8))
