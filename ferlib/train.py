"""From settings and faces to a run folder."""

import dataclasses
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

from ferlib.balance import class_weights, oversample_rows, split_faces
from ferlib.config import EMOTIONS, IMAGE_SIZE, TrainConfig
from ferlib.models import MODELS
from ferlib.runs import git_commit, write_run


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
    partial, commit = _open_partial(config, run_dir, resume=resume), git_commit()
    keras.utils.set_random_seed(config.seed)
    training, public_test, private_test = split_faces(faces)
    if config.balance == "oversample":
        training = training.select(oversample_rows(training.labels, seed=config.seed))

    network = MODELS[config.model](config.width)
    trainer = build_trainer(network, config, steps=-(-len(training) // config.batch_size) * config.epochs)
    checkpoints = _Checkpoints(partial)
    start = checkpoints.restore(trainer)
    keras.utils.set_random_seed(config.seed + start)
    trainer.fit(
        training.images[..., None],
        keras.utils.to_categorical(training.labels, len(EMOTIONS)),
        validation_data=(public_test.images[..., None], keras.utils.to_categorical(public_test.labels, len(EMOTIONS))),
        batch_size=config.batch_size,
        epochs=config.epochs,
        initial_epoch=start,
        class_weight=class_weights(training.labels) if config.balance == "class_weights" else None,
        callbacks=[keras.callbacks.CSVLogger(checkpoints.history, append=start > 0), checkpoints],
        verbose=verbose,
    )
    trainer.load_weights(checkpoints.best())
    network.save(partial / "model.keras")
    checkpoints.clear()
    export_network(partial)
    probabilities = {
        usage: network.predict(part.images[..., None].astype("float32"), batch_size=256, verbose=0)
        for usage, part in (("PublicTest", public_test), ("PrivateTest", private_test))
    }
    made_by = {"backend": keras.config.backend(), "parameters": network.count_params(), "git_commit": commit}
    write_run(partial, config, faces, probabilities, made_by=made_by)
    (partial / "config.json").unlink()
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


def augment_images(images, *, augment="full", seed=0):
    """Images as training sees them: changed at random, each call of a seed alike.

    Parameters
    ----------
    images : (N, 48, 48) uint8
    augment : str
        A name in `AUGMENTATIONS`.
    seed : int

    Returns
    -------
    (N, 48, 48) float32
        Grey values 0..255.
    """
    keras.utils.set_random_seed(seed)
    x = keras.ops.cast(images[..., None], "float32")
    for layer in AUGMENTATIONS[augment](seed):
        x = layer(x, training=True)
    return keras.ops.convert_to_numpy(x)[..., 0]


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
        logging.getLogger("tensorflow").setLevel("ERROR")  # it would tell of a temporary folder
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


class _Checkpoints(keras.callbacks.Callback):
    """The weights of the last whole epoch and of the best one, so written that a kill at any moment leaves them good.

    Keras' own BackupAndRestore writes over its only copy: a process killed meanwhile cannot be resumed.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.history = folder / "history.csv"

    def on_epoch_end(self, epoch, logs=None):
        half_written = self.folder / "half-written.weights.h5"
        self.model.save_weights(half_written)
        os.replace(half_written, self._path(epoch))
        keep = {self._path(epoch), self.best()}
        for path in set(self._paths()) - keep:
            path.unlink()

    def restore(self, trainer):
        """Load the last whole epoch's weights and optimiser; the number of epochs done."""
        if not self._paths():
            return 0
        last = self._paths()[-1]
        done = int(last.name.split(".")[0].removeprefix("epoch-")) + 1
        rows = self.history.read_text().splitlines(keepends=True)
        self.history.write_text("".join(rows[: done + 1]))  # a row more if the kill came before its weights
        trainer.optimizer.build(trainer.trainable_variables)
        trainer.load_weights(last)
        return done

    def best(self):
        """Path of the weights that are best on PublicTest."""
        scores = np.atleast_1d(np.genfromtxt(self.history, delimiter=",", names=True)["val_accuracy"])
        return self._path(int(scores.argmax()))

    def clear(self):
        """Remove all weights."""
        for path in self.folder.glob("*.weights.h5"):
            path.unlink()

    def _path(self, epoch):
        return self.folder / f"epoch-{epoch:04}.weights.h5"

    def _paths(self):
        return sorted(self.folder.glob("epoch-*.weights.h5"))
