import hashlib
import os

import numpy as np
import pytest

from ferlib.evaluation import Metadata, apply_temperature
from ferlib.evaluation._metadata import INPUT, write_metadata
from ferlib.recipes import TrainConfig


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A run folder `tiny` with an untrained network, for tests that want a real one at once."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = keras.Input((48, 48, 1))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, 5, strides=3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(7, activation="softmax", kernel_initializer="random_normal")(x))
    # large weights, so that different faces get visibly different probabilities
    model.set_weights([weight * 8 for weight in model.get_weights()])
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    model.save(folder / "model.keras")
    model.export(folder / "model.tflite", format="litert", verbose=False)
    metadata = Metadata(
        name="tiny",
        input=INPUT,
        temperature=1.0,
        network="model.tflite",
        network_sha256=hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest(),
        config=TrainConfig(),
        epochs_done=0,
        seconds=0,
        data={"source": "nothing", "fingerprint": "", "training_rows": 0},
        versions={},
        backend=keras.config.backend(),
        machine="",
        parameters=model.count_params(),
        multiply_adds=0,
    )
    write_metadata(folder, metadata)
    return folder


@pytest.fixture(scope="session")
def drawn_faces():
    """400 drawn faces as `FaceDataset`."""
    from ferlib.data import FaceDataset
    from tools.draw_faces import draw_faces

    drawn = draw_faces(400, seed=5)
    return FaceDataset(drawn.images, drawn.labels, drawn.split, source="embedded")


@pytest.fixture(scope="session")
def tiny_config():
    return TrainConfig("simple", width=0.1, epochs=2, batch_size=32, learning_rate=1e-3)


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory, drawn_faces, tiny_config):
    """A run folder as `train` leaves it: a narrow network, two epochs on drawn faces."""
    from ferlib.training import train

    return train(tiny_config, drawn_faces, run_dir=tmp_path_factory.mktemp("runs") / "tiny", verbose=0)


@pytest.fixture(scope="session")
def draw_answers():
    """A function that draws labels and the probabilities of a network that is as often right as it says, or less."""

    def draw(n, *, seed=0, sharpness=1.0):
        rng = np.random.default_rng(seed)
        probabilities = rng.dirichlet(np.full(7, 0.4), n)
        labels = (probabilities.cumsum(1) > rng.random((n, 1))).argmax(1)
        return labels, apply_temperature(probabilities, 1 / sharpness).astype(np.float64)

    return draw


@pytest.fixture
def run(trained_run):
    """`trained_run`, loaded."""
    from ferlib.evaluation import load_run

    return load_run(trained_run.name, models_dir=trained_run.parent)


@pytest.fixture
def styled_figures():
    """Figures in the project's style, closed after the test."""
    import matplotlib.pyplot as plt

    from ferlib.plots import use_style

    use_style()
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def chromium():
    """Path of an installed Chromium; where CI runs, a missing one is a failure."""
    from tests.browser.lab import find_chromium

    found = find_chromium()
    if not found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium is installed")
    return found
