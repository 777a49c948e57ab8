"""Export to LiteRT, so that prediction needs no TensorFlow: rounding the weights for it, writing, timing."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np

from ferlib._quiet import quiet_stderr
from ferlib.config import IMAGE_SIZE

SMALL = 250_000
"""Parameters up to which a network is exported in full precision: there is little to save."""


def round_weights(network):
    """Change the weights of a network that is not `SMALL` to ones that its export in half precision will hold exactly.

    The export has batch normalisation, and the scaling of pixels, inside the weights of the convolution beside them: it
    is their product that is rounded. Unrounded, probabilities of the export were seen to differ by 0.002.

    The network must be a Functional one.
    """
    if network.count_params() <= SMALL:
        return
    layers = network.layers
    scales = {id(layer.output): layer.scale for layer in layers if isinstance(layer, keras.layers.Rescaling)}
    norms = {id(layer.input): layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)}
    for layer in layers:
        if not isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            continue
        kernel, *biases = layer.get_weights()
        scale = np.float32(scales.get(id(layer.input), 1))
        if norm := norms.get(id(layer.output)):
            gamma, beta, mean, variance = norm.get_weights()
            gain = gamma / np.sqrt(variance + norm.epsilon)
            shift = (sum(biases) - mean) * gain
            norm.beta.assign(_round(beta + shift) - shift)
            scale = scale * gain
        else:
            biases = [_round(bias) for bias in biases]
        layer.set_weights([_round(kernel * scale) / scale, *biases])


def _round(values):
    return values.astype(np.float16).astype(np.float32)


def export_network(run_dir):
    """Write `model.tflite` beside the `model.keras` of a run folder; if it is not `SMALL`, in half precision.

    That halves the file; after `round_weights` the probabilities are the same, to 0.00001. Only TensorFlow can write
    the LiteRT format: under another backend this happens in a process of its own.

    Returns
    -------
    Path
        Of the exported network: pixels 0..255 (N, 48, 48, 1) float32 in, probabilities (N, 7) float32 out.
    """
    target = Path(run_dir) / "model.tflite"
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        logging.getLogger("tensorflow").setLevel("ERROR")  # it would tell of a temporary folder
        halves = {"optimizations": [tf.lite.Optimize.DEFAULT], "target_spec": {"supported_types": [tf.float16]}}
        network = keras.models.load_model(Path(run_dir) / "model.keras")
        options = halves if network.count_params() > SMALL else {}
        network.export(target, format="litert", verbose=False, **options)
    else:
        code = "import sys; from ferlib.training import export_network; export_network(sys.argv[1])"
        environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
        subprocess.run([sys.executable, "-c", code, str(run_dir)], env=environment, check=True)
    return target


def time_network(path, *, repeats=50):
    """Median milliseconds that an exported network takes for one face, on one core."""
    from ai_edge_litert.interpreter import Interpreter

    with quiet_stderr():  # "INFO: Created TensorFlow Lite XNNPACK delegate"
        network = Interpreter(str(path), num_threads=1)
        network.allocate_tensors()
    entry, seconds = network.get_input_details()[0], []
    network.set_tensor(entry["index"], np.full((1, IMAGE_SIZE, IMAGE_SIZE, 1), 127, dtype=np.float32))
    for _ in range(repeats):
        start = time.perf_counter()
        network.invoke()
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))
