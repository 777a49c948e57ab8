import keras
import numpy as np
import pytest

from ferlib.config import RECIPES
from ferlib.models import MODELS


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


@pytest.mark.parametrize("name", MODELS)
def test_builders_are_pure(name):
    network = MODELS[name](width=0.1)
    assert not network.compiled
    assert not any("random" in layer.name for layer in network.layers)


def test_every_network_has_its_recipe():
    assert {name: recipe.model for name, recipe in RECIPES.items()} == {name: name for name in MODELS}
