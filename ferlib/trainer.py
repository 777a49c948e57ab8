"""From settings to a compiled Keras model that trains, and the batches that it trains on."""

from pathlib import Path

import keras
import numpy as np

from ferlib.augment import AUGMENTATIONS, MIXES, draw_seeds
from ferlib.config import EMOTIONS, IMAGE_SIZE
from ferlib.models import MODELS

WARM_UP = 0.3
PLATEAU_PATIENCE = 5
SCORING_BATCH = 256


class Batches(keras.utils.PyDataset):
    """Faces in memory, as uint8, in batches; shuffled anew each epoch if there is a seed.

    The order depends on seed and epoch alone, so that a resumed run sees what the uninterrupted one would have seen.

    Parameters
    ----------
    faces : Faces
    batch_size : int
    seed : int, optional
        Without it the faces come in their own order.
    class_weight : dict of int to float, optional
    devices : int
        That share each batch: the first few faces come twice if the last batch could not be shared evenly.
    """

    def __init__(self, faces, *, batch_size, seed=None, class_weight=None, devices=1):
        super().__init__()
        self.images, self.labels = faces.images[..., None], np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels]
        weights = [(class_weight or {}).get(label, 1.0) for label in range(len(EMOTIONS))]
        self.weights = np.array(weights, dtype=np.float32)[faces.labels]
        self.batch_size, self.seed, self.devices = batch_size, seed, devices
        self.start_epoch(0)

    def start_epoch(self, epoch):
        """Shuffle for an epoch, counted from 0."""
        n = len(self.images)
        rows = np.arange(n) if self.seed is None else np.random.default_rng([self.seed, epoch]).permutation(n)
        self.rows = share_evenly(rows, self.devices)

    def __len__(self):
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index):
        rows = self.rows[index * self.batch_size : (index + 1) * self.batch_size]
        images, labels = self.images[rows], self.labels[rows]
        return {"images": images, "labels": labels}, labels, self.weights[rows]


def share_evenly(rows, devices):
    """Rows (N,), the first ones repeated at the end until their number is a multiple of the number of devices."""
    return np.resize(rows, -(-len(rows) // devices) * devices)


class Trainer(keras.Model):
    """A network behind random changes of its input; the loss compares with the labels as the changes mixed them.

    Inputs are a dict of images (N, 48, 48, 1) uint8 and labels (N, 7), outputs the probabilities and the labels as
    mixed. What is saved and exported is the bare network.
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y_pred["labels"], y_pred["probabilities"], sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred["probabilities"], sample_weight)


def choose_precision():
    """Keras' dtype policy in which this machine should train fastest, from what `make bench` measured in TensorFlow.

    "mixed_bfloat16" for TensorFlow on a CPU with instructions for it (slower on one without), else "float32".
    """
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text() if cpu.is_file() else ""
    on_gpu = any("gpu" in device for device in keras.distribution.list_devices())
    able = keras.config.backend() == "tensorflow" and not on_gpu and ("avx512_bf16" in flags or "amx_bf16" in flags)
    return "mixed_bfloat16" if able else "float32"


def use_devices(batch_size):
    """Share every batch among the devices, if they are several and it can be shared evenly: Keras can do that on JAX.

    Parameters
    ----------
    batch_size : int

    Returns
    -------
    int
        How many devices share a batch.
    """
    devices = len(keras.distribution.list_devices()) if keras.config.backend() == "jax" else 1
    if devices == 1 or batch_size % devices or SCORING_BATCH % devices:
        return 1
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    return devices


def build_network(config, *, precision="float32"):
    """The network of a run.

    Parameters
    ----------
    config : TrainConfig
    precision : str
        Keras' dtype policy for the layers between pixels and probabilities; weights are float32 all the same.

    Returns
    -------
    keras.Model
    """
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return MODELS[config.model](config.width)
    finally:
        keras.config.set_dtype_policy(usual)


def build_trainer(network, config, *, steps):
    """`network` in a `Trainer`, compiled as `config` says.

    Parameters
    ----------
    network : keras.Model
    config : TrainConfig
    steps : int
        Optimiser steps of the whole run, for the schedule.

    Returns
    -------
    Trainer
    """
    inputs = {
        "images": keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), dtype="uint8", name="images"),
        "labels": keras.Input((len(EMOTIONS),), name="labels"),
    }
    changed = {"images": keras.ops.cast(inputs["images"], "float32"), "labels": inputs["labels"]}
    seeds = draw_seeds(config.seed)
    for layer in AUGMENTATIONS[config.augment](seeds):
        changed["images"] = layer(changed["images"])
    for layer in MIXES[config.mix](seeds):
        changed = layer(changed)
    trainer = Trainer(inputs, {"probabilities": network(changed["images"]), "labels": changed["labels"]})
    trainer.compile(
        _optimizer(config, steps),
        LOSSES[config.loss](label_smoothing=config.label_smoothing),
        metrics=["accuracy"],
    )
    return trainer


def stateful_callbacks(config):
    """Keras' callbacks that remember past epochs: the plateau schedule and early stopping, as far as `config` asks."""
    callbacks = []
    if config.schedule == "plateau":
        callbacks.append(keras.callbacks.ReduceLROnPlateau("val_accuracy", mode="max", patience=PLATEAU_PATIENCE))
    if config.patience:
        callbacks.append(keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=config.patience))
    return callbacks


def _one_cycle(rate, steps):
    warm_up = int(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(rate / 25, steps - warm_up, warmup_target=rate, warmup_steps=warm_up)


SCHEDULES = {
    "constant": lambda rate, steps: rate,
    "cosine": lambda rate, steps: keras.optimizers.schedules.CosineDecay(rate, steps),
    "one_cycle": _one_cycle,
    "plateau": lambda rate, steps: rate,
}
"""Learning rate or Keras schedule by the name in `TrainConfig.schedule`, from (highest rate, steps of the run)."""


def _momentum_sgd(rate, **settings):
    return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **settings)


OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": _momentum_sgd}
"""Keras' optimisers by the name in `TrainConfig.optimizer`."""


def _focal(**settings):
    return keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0, **settings)


LOSSES = {"cross_entropy": keras.losses.CategoricalCrossentropy, "focal": _focal}
"""Keras' losses by the name in `TrainConfig.loss`."""


def _optimizer(config, steps):
    rate = SCHEDULES[config.schedule](config.learning_rate, steps)
    average = dict(use_ema=True, ema_momentum=config.ema) if config.ema else {}
    optimizer = OPTIMIZERS[config.optimizer](rate, weight_decay=config.weight_decay, **average)
    if config.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
