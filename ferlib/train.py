"""From settings and faces to a run folder: the contract between training and everything after it."""

import dataclasses
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

from ferlib.balance import class_weights, oversample_rows, split_faces
from ferlib.config import EMOTIONS, IMAGE_SIZE, PROJECT_DIR, TrainConfig
from ferlib.evaluate import apply_temperature, fit_temperature, load_run
from ferlib.models import MODELS


def train(config, faces, *, run_dir, resume=False, verbose="auto"):
    """Train a network of the zoo and leave a run folder: weights, export, history, probabilities, card.

    Trains on Training, keeps the weights of the epoch that is best on PublicTest, and scores PrivateTest once, at the
    end.

    Parameters
    ----------
    config : TrainConfig
    faces : Faces
        With its three splits.
    run_dir : path
        The run folder to make. Until the run is whole it stands beside it, named `<run_dir>.partial`.
    resume : bool
        Go on from the last whole epoch of `<run_dir>.partial`.
    verbose : {"auto", 0, 1, 2}
        As in `keras.Model.fit`; 2 is one line an epoch.

    Returns
    -------
    Path
        `run_dir`.

    Raises
    ------
    ValueError
        If `config` names an unknown model or setting, or is not the one of the run to be resumed.
    FileExistsError
        If `run_dir` is there already.
    """
    run_dir = Path(run_dir)
    _check(config)
    if run_dir.exists():
        raise FileExistsError(f"{run_dir.name}: this run is there already; choose another name or delete it")
    partial = _open_partial(config, run_dir, resume=resume)
    keras.utils.set_random_seed(config.seed)

    training, public_test, private_test = split_faces(faces)
    if config.balance == "oversample":
        training = training.select(oversample_rows(training.labels, seed=config.seed))

    network = MODELS[config.model](config.width)
    trainer = build_trainer(network, config, steps=-(-len(training) // config.batch_size) * config.epochs)
    best = partial / "best.weights.h5"
    history = partial / "history.csv"
    trainer.fit(
        training.images[..., None],
        keras.utils.to_categorical(training.labels, len(EMOTIONS)),
        validation_data=(public_test.images[..., None], keras.utils.to_categorical(public_test.labels, len(EMOTIONS))),
        batch_size=config.batch_size,
        epochs=config.epochs,
        class_weight=class_weights(training.labels) if config.balance == "class_weights" else None,
        callbacks=[
            keras.callbacks.ModelCheckpoint(
                best,
                monitor="val_accuracy",
                mode="max",
                save_best_only=True,
                save_weights_only=True,
                initial_value_threshold=_best_so_far(history),
            ),
            keras.callbacks.CSVLogger(history, append=resume),
            keras.callbacks.BackupAndRestore(partial / "backup"),
        ],
        verbose=verbose,
    )
    trainer.load_weights(best)
    network.save(partial / "model.keras")
    best.unlink()
    _finish(network, config, faces, public_test, private_test, partial)
    os.replace(partial, run_dir)
    return run_dir


def build_trainer(network, config, *, steps):
    """`network` behind random changes of its input, compiled as `config` says.

    The changes stay outside the network: what is saved and exported is the bare network.

    Parameters
    ----------
    network : keras.Model
    config : TrainConfig
    steps : int
        Optimiser steps of the whole run, for the schedule.

    Returns
    -------
    keras.Model
        Takes uint8 images (N, 48, 48, 1).
    """
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), dtype="uint8")
    x = keras.ops.cast(pixels, "float32")
    for layer in AUGMENTATIONS[config.augment](config.seed):
        x = layer(x)
    trainer = keras.Model(pixels, network(x))
    rate = config.learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    trainer.compile(
        keras.optimizers.Adam(rate),
        keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy"],
    )
    return trainer


def _flip(seed):
    return [keras.layers.RandomFlip("horizontal", seed=seed)]


def _full(seed):
    # Pixels beyond the border are black: FER2013's own tilted crops have black corners too.
    border = dict(fill_mode="constant", seed=seed)
    return [
        *_flip(seed),
        keras.layers.RandomTranslation(0.1, 0.1, **border),
        keras.layers.RandomRotation(10 / 360, **border),
        keras.layers.RandomZoom(0.1, **border),
        keras.layers.RandomBrightness(0.1, seed=seed),
        keras.layers.RandomContrast(0.2, value_range=(0, 255), seed=seed),
    ]


AUGMENTATIONS = {"none": lambda seed: [], "flip": _flip, "full": _full}
"""Layers that change training images at random, by the name in `TrainConfig.augment`."""


def export_network(run_dir):
    """Write `model.tflite` beside `model.keras`, with which prediction needs no TensorFlow.

    Only TensorFlow can write the LiteRT format; under another backend this happens in a process of its own.

    Parameters
    ----------
    run_dir : path

    Returns
    -------
    Path
        Of the exported network: pixels 0..255 (N, 48, 48, 1) float32 in, probabilities (N, 7) float32 out.
    """
    target = Path(run_dir) / "model.tflite"
    if keras.config.backend() == "tensorflow":
        keras.models.load_model(Path(run_dir) / "model.keras").export(target, format="litert", verbose=False)
    else:
        code = "import sys; from ferlib.train import export_network; export_network(sys.argv[1])"
        environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
        subprocess.run([sys.executable, "-c", code, str(run_dir)], env=environment, check=True)
    return target


def _check(config):
    choices = {
        "model": MODELS,
        "schedule": ("constant", "cosine"),
        "balance": ("none", "class_weights", "oversample"),
        "augment": AUGMENTATIONS,
    }
    for name, allowed in choices.items():
        if (value := getattr(config, name)) not in allowed:
            raise ValueError(f"TrainConfig({name}={value!r}): expected one of {', '.join(allowed)}")


def _open_partial(config, run_dir, *, resume):
    partial = run_dir.with_name(run_dir.name + ".partial")
    settings = partial / "config.json"
    if resume:
        if not settings.is_file():
            raise FileNotFoundError(f"{partial.name}: no interrupted run to resume")
        if TrainConfig(**json.loads(settings.read_text())) != config:
            raise ValueError(f"{partial.name} was started with other settings: {settings.read_text()}")
        return partial
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    settings.write_text(json.dumps(dataclasses.asdict(config)))
    return partial


def _best_so_far(history):
    if not history.is_file() or not history.stat().st_size:
        return None
    return float(np.max(np.genfromtxt(history, delimiter=",", names=True)["val_accuracy"]))


def _finish(network, config, faces, public_test, private_test, folder):
    """Everything that stands in a run folder beside weights and history."""
    raw = {
        part_name: network.predict(part.images[..., None].astype("float32"), batch_size=256, verbose=0)
        for part_name, part in (("PublicTest", public_test), ("PrivateTest", private_test))
    }
    temperature = fit_temperature(public_test.labels, raw["PublicTest"])
    arrays = {}
    for (usage, probabilities), part in zip(raw.items(), (public_test, private_test), strict=True):
        arrays[f"{usage}_labels"] = part.labels.astype(np.uint8)
        arrays[f"{usage}_probabilities"] = apply_temperature(probabilities, temperature).astype(np.float16)
    np.savez_compressed(folder / "probabilities.npz", **arrays)

    exported = export_network(folder)
    epochs_done = len((folder / "history.csv").read_text().splitlines()) - 1
    bundle = {
        "name": folder.stem,
        "emotions": list(EMOTIONS),
        "input": {"height": IMAGE_SIZE, "width": IMAGE_SIZE, "channels": 1, "low": 0, "high": 255},
        "temperature": temperature,
        "network": exported.name,
        "network_sha256": hashlib.sha256(exported.read_bytes()).hexdigest(),
        "config": dataclasses.asdict(config),
        "epochs_done": epochs_done,
        "parameters": network.count_params(),
        "data": {
            "source": faces.source,
            "fingerprint": faces.fingerprint,
            "training_rows": int((faces.usage == "Training").sum()),
        },
        "versions": {"python": platform.python_version(), "keras": keras.__version__, "numpy": np.__version__},
        "backend": keras.config.backend(),
        "git_commit": _git_commit(),
    }
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=1) + "\n")
    shutil.rmtree(folder / "backup", ignore_errors=True)
    (folder / "config.json").unlink()
    (folder / "card.md").write_text(_card(load_run(folder.name, models_dir=folder.parent), folder.stem))


def _git_commit():
    result = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT_DIR, capture_output=True, text=True)
    return result.stdout.strip() or None


def _card(run, name):
    config, data = run.bundle["config"], run.bundle["data"]
    changed = ", ".join(f"{key} {value}" for key, value in config.items() if key != "model")
    return f"""# {name}

The network `{config["model"]}` of `ferlib.models` ({run.bundle["parameters"]:,} parameters): 48x48 grey face in, seven
probabilities out.

- Trained on {data["training_rows"]:,} Training faces of {data["source"]}, {run.bundle["epochs_done"]} epochs, backend
  {run.bundle["backend"]}, Keras {run.bundle["versions"]["keras"]}: {changed}.
- Epoch and temperature ({run.bundle["temperature"]:.2f}) were chosen on PublicTest; PrivateTest was scored once.
- PublicTest: {run.evaluate("PublicTest")}.
- PrivateTest: {run.evaluate("PrivateTest")}.

Intervals are 95 %. The test splits are scored as published: 8 % of their faces also stand in Training.

Limits: it names the expression that a crowd would name, not what a person feels; posed and frontal faces are read
better than others; FER2013's labels are noisy, and its people are not a fair sample of anybody. Not for decisions about
people.
"""
