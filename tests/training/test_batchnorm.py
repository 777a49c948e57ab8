import keras
import numpy as np
import pytest

from ferlib.training._batchnorm import FusedNormalization, recalibrate_batchnorm, use_fused_batchnorm
from ferlib.training._models import MODELS

pytestmark = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="only TensorFlow has the kernel")


@pytest.fixture
def maps():
    return np.random.default_rng(0).normal(3, 5, (64, 6, 6, 16)).astype(np.float32)


def trained(layer, maps):
    """Output, weights and gradients of a norm that saw a batch."""
    network = keras.Sequential([keras.Input(maps.shape[1:]), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
    network.layers[-1].kernel.assign(np.linspace(-1, 1, 36 * maps.shape[-1])[:, None])
    network.compile(keras.optimizers.SGD(0.1), "mse")
    out = network.layers[0](maps, training=True)
    network.train_on_batch(maps, np.ones((len(maps), 1)))
    return [np.asarray(out), *layer.get_weights()]


@pytest.mark.parametrize("channels", [16, 7])
def test_one_kernel_does_what_keras_does(maps, channels):
    kinds = keras.layers.BatchNormalization, FusedNormalization
    for ours, theirs in zip(*(trained(kind(), maps[..., :channels]) for kind in kinds), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("channels", [16, 7])
def test_half_precision_comes_out_as_it_went_in(maps, channels):
    norms = [kind(dtype="mixed_bfloat16") for kind in (keras.layers.BatchNormalization, FusedNormalization)]
    theirs, ours = (norm(maps[..., :channels], training=True) for norm in norms)
    assert keras.backend.standardize_dtype(ours.dtype) == "bfloat16"
    np.testing.assert_allclose(*(keras.ops.cast(out, "float32") for out in (ours, theirs)), atol=0.03)


@pytest.mark.parametrize("model", MODELS)
def test_weights_go_there_and_back(model):
    network = MODELS[model](0.5)
    fused = use_fused_batchnorm(network)
    fused.set_weights(network.get_weights())
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1))
    np.testing.assert_allclose(fused.predict(pixels, verbose=0), network.predict(pixels, verbose=0), atol=1e-5)
    assert not any(isinstance(layer, FusedNormalization) for layer in network.layers)


def test_recalibrated_statistics_are_those_of_the_faces(drawn_faces):
    images = drawn_faces.images[..., None]
    keras.utils.set_random_seed(0)
    network = use_fused_batchnorm(MODELS["compact"](0.34))
    momenta = [layer.momentum for layer in norms_of(network)]
    recalibrate_batchnorm(network, images, count=5, batch_size=50)
    first = norms_of(network)[0]
    assert [layer.momentum for layer in norms_of(network)] == momenta
    seen = keras.Model(network.inputs[0], first.input)(images[np.linspace(0, 399, 250).astype(int)].astype("float32"))
    np.testing.assert_allclose(first.moving_mean, np.mean(seen, (0, 1, 2)), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(first.moving_variance, np.var(seen, (0, 1, 2)), rtol=0.1)


def test_a_network_without_norms_is_left_alone(drawn_faces):
    network = MODELS["simple"](0.1)
    before = network.get_weights()
    recalibrate_batchnorm(network, drawn_faces.images[..., None])
    assert all(map(np.array_equal, before, network.get_weights()))


def norms_of(network):
    return [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
