"""Train: images a second of ferlib's loop, on every backend at hand, beside the usual loop.

The usual loop is Keras' ImageDataGenerator on class folders of PNG, augmenting on the CPU, and `fit`. Network, batch
size (that of our own recipes), augmentation ("full") and faces are the same for all. Every measurement is a process of
its own; the ways take turns, the table shows medians of epochs without the first, in which the step is compiled.
With one dense layer for a network, what is left is the loop itself; with the others, a CPU spends its time there.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from statistics import median

ROUNDS, EPOCHS, BATCH = 3, 3, 128
MODELS = ("one dense layer", "mini_xception", "simple", "compact")

WRITE = "import sys; from ferlib.data import convert_faces; convert_faces('embedded', sys.argv[1])"
PREPARE = """
import json, sys, time
folder, model, data_format, policy, epochs, batch = sys.argv[1:5] + [int(n) for n in sys.argv[5:]]
import keras
keras.config.set_image_data_format(data_format)
from ferlib import TrainConfig, config, load_faces
from ferlib.training import MODELS, Batches, build_network, build_trainer, choose_precision, use_fused_batchnorm

def build_dense(width=1.0):
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(7, activation="softmax")]
    return keras.Sequential([keras.Input((48, 48, 1)), *layers])

MODELS["one dense layer"] = build_dense

class Clock(keras.callbacks.Callback):
    seconds = []
    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()
    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)
"""
OURS = """
config.CACHE_DIR = config.Path(folder + "/cache")
faces = load_faces(folder).part("Training")
settings = TrainConfig(model, augment="full")
precision = choose_precision() if policy == "default" else policy
trainer = build_trainer(use_fused_batchnorm(build_network(settings, precision=precision)), settings, steps=1)
count, batches = len(faces), Batches(faces, batch_size=batch, seed=0)
trainer.fit(batches, epochs=epochs, shuffle=False, callbacks=[Clock()], verbose=0)
"""
USUAL = """
from tensorflow.keras.preprocessing.image import ImageDataGenerator
generator = ImageDataGenerator(
    rotation_range=10, width_shift_range=0.1, height_shift_range=0.1, zoom_range=0.1, horizontal_flip=True,
    brightness_range=(0.9, 1.1), fill_mode="constant",
).flow_from_directory(folder + "/train", target_size=(48, 48), color_mode="grayscale", batch_size=batch)
count, network = generator.samples, MODELS[model]()
network.compile(keras.optimizers.Adam(1e-4), "categorical_crossentropy", metrics=["accuracy"])
network.fit(generator, epochs=epochs, callbacks=[Clock()], verbose=0)
"""
REPORT = """
print(json.dumps([count / seconds for seconds in Clock.seconds[1:]]))
"""
WAYS = {
    "ImageDataGenerator, PNG folders": (USUAL, "tensorflow", "channels_last", "float32"),
    "ferlib, as it comes": (OURS, "tensorflow", "channels_last", "default"),
    "ferlib, tensorflow, float32": (OURS, "tensorflow", "channels_last", "float32"),
    "ferlib, tensorflow, bfloat16": (OURS, "tensorflow", "channels_last", "mixed_bfloat16"),
    "ferlib, torch, float32": (OURS, "torch", "channels_last", "float32"),
    "ferlib, torch, bfloat16": (OURS, "torch", "channels_last", "mixed_bfloat16"),
    "ferlib, torch, bfloat16, channels first": (OURS, "torch", "channels_first", "mixed_bfloat16"),
    "ferlib, jax, float32": (OURS, "jax", "channels_last", "float32"),
    "ferlib, jax, bfloat16": (OURS, "jax", "channels_last", "mixed_bfloat16"),
}


def main(*models):
    """Measure every way whose backend is installed, for the named networks."""
    import pandas as pd

    ways = {name: way for name, way in WAYS.items() if importlib.util.find_spec(way[1])}
    columns = {}
    with tempfile.TemporaryDirectory() as folder:
        faces = f"{folder}/faces"
        _output([sys.executable, "-c", WRITE, faces])
        for model in models or MODELS:
            measured = {name: [] for name in ways}
            for _ in range(ROUNDS):
                for name, way in ways.items():
                    measured[name] += _run(way, faces, model)
            columns[model] = {name: median(rates) for name, rates in measured.items()}
    table = pd.DataFrame(columns)
    for model in columns:
        table[f"{model}: times the usual"] = table[model] / table[model].iloc[0]
    return table.round(dict.fromkeys(columns, 0) | {f"{model}: times the usual": 2 for model in columns})


def _run(way, folder, model):
    code, backend, data_format, policy = way
    arguments = [folder, model, data_format, policy, str(EPOCHS), str(BATCH)]
    command = [sys.executable, "-c", PREPARE + code + REPORT, *arguments]
    environment = os.environ | {"KERAS_BACKEND": backend}
    return json.loads(_output(command, environment).splitlines()[-1])


def _output(command, environment=None):
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
