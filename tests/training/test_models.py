import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from ferlib.recipes import OWN, RECIPES, TEACHERS
from ferlib.training import MODELS, count_multiply_adds


@pytest.mark.parametrize("name", MODELS)
def test_pixels_in_probabilities_out(name):
    network = MODELS[name](width=0.1)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1))
    probabilities = keras.ops.convert_to_numpy(network(pixels.astype("float32")))
    assert probabilities.shape == (3, 7)
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("name", "parameters"), [("simple", 2_345_607), ("mini_xception", 58_423)])
def test_published_networks_have_their_published_size(name, parameters):
    assert MODELS[name]().count_params() == parameters


@pytest.mark.parametrize(
    ("name", "parameters", "multiply_adds"),
    [("micro", 58_000, 25e6), ("compact", 1_600_000, 130e6), ("best", 8_000_000, float("inf"))],
)
def test_our_networks_keep_their_budget(name, parameters, multiply_adds):
    network = MODELS[name]()
    assert network.count_params() <= parameters
    assert count_multiply_adds(network) <= multiply_adds


@pytest.mark.parametrize("name", MODELS)
def test_builders_are_pure(name):
    network = MODELS[name](width=0.1)
    assert not network.compiled
    assert not any("random" in layer.name for layer in network.layers)


def test_every_network_has_its_recipe():
    named = RECIPES | OWN | {"vgg": TEACHERS["vgg"]}
    assert {name: recipe.model for name, recipe in named.items()} == {name: name for name in MODELS}


def test_multiply_adds_are_counted_by_layer():
    convolutions = 46**2 * 9 * 32 + 44**2 * 9 * 32 * 64 + 20**2 * 9 * 64 * 128 + 8**2 * 9 * 128 * 128
    assert count_multiply_adds(MODELS["simple"]()) == convolutions + 2048 * 1024 + 1024 * 7
    assert count_multiply_adds(MODELS["mini_xception"]()) < 25e6


ELSEWHERE = """
import sys
from pathlib import Path
import keras
import numpy as np
from ferlib.training import MODELS
folder = Path(sys.argv[1])
keras.config.set_image_data_format(sys.argv[2])
for name, build in MODELS.items():
    network = build(width=0.25)
    network.load_weights(folder / f"{name}.weights.h5")
    np.save(folder / f"{name}.npy", keras.ops.convert_to_numpy(network(np.load(folder / "pixels.npy"))))
"""


@pytest.mark.parametrize(
    ("backend", "data_format"), [("jax", "channels_last"), ("torch", "channels_last"), ("torch", "channels_first")]
)
def test_weights_carry_over_between_backends_and_data_formats(backend, data_format, tmp_path):
    if backend != "jax" and not importlib.util.find_spec(backend):  # JAX comes with the extra dev: without it, fail
        pytest.skip(f"{backend} is not installed")
    keras.utils.set_random_seed(0)
    pixels, here = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1)).astype("float32"), {}
    np.save(tmp_path / "pixels.npy", pixels)
    for name, build in MODELS.items():
        network = build(width=0.25)
        network.save_weights(tmp_path / f"{name}.weights.h5")
        here[name] = keras.ops.convert_to_numpy(network(pixels))
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path), data_format]
    subprocess.run(command, env=os.environ | {"KERAS_BACKEND": backend}, check=True)
    for name in MODELS:
        assert np.load(tmp_path / f"{name}.npy") == pytest.approx(here[name], abs=1e-4), name
