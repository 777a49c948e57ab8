import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from ferlib.inference import Network
from ferlib.training._export import SMALL, export_network, round_weights
from ferlib.training._models import MODELS


def draw_network(model, width):
    """A network whose normalisations do something."""
    keras.utils.set_random_seed(0)
    network, rng = MODELS[model](width), np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weights.shape) for weights in layer.get_weights()])
    return network


@pytest.mark.parametrize(("model", "width"), [("compact", 0.5), ("oversampled", 1)])
def test_a_rounded_network_and_its_export_predict_the_same(model, width, tmp_path):
    network = draw_network(model, width)
    assert network.count_params() > SMALL
    pixels = np.random.default_rng(1).integers(0, 256, (20, 48, 48, 1)).astype(np.float32)
    before = network.predict(pixels, verbose=0)
    round_weights(network)
    after = network.predict(pixels, verbose=0)
    assert 0 < np.abs(after - before).max() < 0.01
    network.save(tmp_path / "model.keras")
    exported = export_network(tmp_path)
    assert exported.stat().st_size < 2.2 * network.count_params()
    np.testing.assert_allclose(Network(exported.read_bytes())(pixels)[0], after, atol=1e-5)


def test_a_small_network_keeps_its_weights():
    network = draw_network("micro", 1)
    before = network.get_weights()
    round_weights(network)
    assert all(map(np.array_equal, before, network.get_weights()))


def test_tensorflow_and_litert_say_nothing(tmp_path):
    code = (
        "import sys\n"
        "from ferlib.training import MODELS, export_network\n"
        "from ferlib.training._export import time_network\n"
        "MODELS['micro']().save(sys.argv[1] + '/model.keras')\n"
        "time_network(export_network(sys.argv[1]), repeats=1)\n"
        "print('heard', file=sys.stderr)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}  # JAX sets it
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stderr == "heard\n"
