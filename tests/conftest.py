import hashlib
import json

import pytest

from ferlib.config import EMOTIONS


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
    # large weights, so that different faces get visibly different answers
    model.set_weights([weight * 8 for weight in model.get_weights()])
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    model.save(folder / "model.keras")
    model.export(folder / "model.tflite", format="litert", verbose=False)
    bundle = {
        "name": "tiny",
        "emotions": EMOTIONS,
        "input": {"height": 48, "width": 48, "channels": 1, "low": 0, "high": 255},
        "temperature": 1.0,
        "network": "model.tflite",
        "network_sha256": hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest(),
    }
    (folder / "bundle.json").write_text(json.dumps(bundle))
    return folder
