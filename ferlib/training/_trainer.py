"""From settings to a compiled Keras model that trains."""

import ctypes
import math
import platform
from functools import partial
from pathlib import Path

import keras

from ferlib.config import EMOTIONS, IMAGE_SIZE
from ferlib.training._augment import AUGMENTATIONS, MIXES, draw_seeds
from ferlib.training._models import MODELS

PLATEAU_PATIENCE = 5
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h

RANGES = (
    ("epochs batch_size", lambda value: value >= 1, "1 or more"),
    ("width", lambda value: 0 < value < math.inf, "more than 0"),
    ("learning_rate weight_decay patience", lambda value: 0 <= value < math.inf, "0 or more"),
    ("ferplus_weight distillation", lambda value: 0 <= value <= 1, "0 to 1"),
    ("label_smoothing ema", lambda value: 0 <= value < 1, "0 or more, and less than 1"),
)


class Trainer(keras.Model):
    """A network behind its augmentation; loss and metrics compare with the labels as mixup or cutmix mixed them.

    Inputs are a dict of images (N, 48, 48, 1) uint8 and labels (N, 7), outputs a dict of the probabilities and the
    mixed labels. What is saved and exported is the bare network.
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y_pred["labels"], y_pred["probabilities"], sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y_pred["labels"], y_pred["probabilities"], sample_weight)


def check_config(config):
    """ValueError if a `TrainConfig` names an unknown model or setting, or a number out of range."""
    choices = dict(model=MODELS, optimizer=OPTIMIZERS, schedule=SCHEDULES, augment=AUGMENTATIONS, mix=MIXES)
    choices |= dict(loss=LOSSES, balance=("none", "class_weights", "oversample"), split_protocol=("official", "leaky"))
    choices |= dict(labels=("fer2013", "ferplus"))
    for name, allowed in choices.items():
        if (value := getattr(config, name)) not in allowed:
            raise ValueError(f"TrainConfig({name}={value!r}): expected one of {', '.join(allowed)}")
    for names, holds, expected in RANGES:
        for name in names.split():
            if not holds(value := getattr(config, name)):
                raise ValueError(f"TrainConfig({name}={value!r}): expected {expected}")
    if (config.teacher != "none") != (config.distillation > 0):
        raise ValueError("TrainConfig: teacher and distillation go together: whose probabilities, and their share")
    if config.labels == "ferplus" and (config.ferplus_weight or config.split_protocol == "leaky"):
        raise ValueError("TrainConfig: labels='ferplus' are votes already, and of the official split")


def choose_precision():
    """Keras' dtype policy in which this machine should train fastest, from what `make bench` measured in TensorFlow.

    "mixed_bfloat16" for TensorFlow on a CPU with instructions for it (slower on one without), else "float32".
    """
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text() if cpu.is_file() else ""
    on_gpu = any("gpu" in device for device in keras.distribution.list_devices())
    able = keras.config.backend() == "tensorflow" and not on_gpu and ("avx512_bf16" in flags or "amx_bf16" in flags)
    return "mixed_bfloat16" if able else "float32"


def build_network(config, *, precision="float32"):
    """The network that a `TrainConfig` names.

    `precision` is Keras' dtype policy for the layers between pixels and probabilities; weights are float32 anyway.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return MODELS[config.model](config.width)
    finally:
        keras.config.set_dtype_policy(before)


def keep_memory():
    """Have this process keep the memory that it frees, where its C library is glibc; elsewhere nothing happens.

    glibc gives large blocks back to the system at once: every step of training then gets the memory of its feature maps
    anew, page by page, which takes a virtual machine longer than the arithmetic. See mallopt(3).
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def build_trainer(network, config, *, steps):
    """A network in a `Trainer`, compiled as a `TrainConfig` says, in a process that keeps its memory (`keep_memory`).

    `steps` are the optimiser steps of the whole run, for the schedule.
    """
    keep_memory()
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
    loss = LOSSES[config.loss](label_smoothing=config.label_smoothing)
    metrics = ["accuracy", keras.metrics.Precision(name="precision"), keras.metrics.Recall(name="recall")]
    metrics.append(keras.metrics.F1Score("macro", name="macro_f1"))
    trainer.compile(_optimizer(config, steps), loss, metrics=metrics)
    return trainer


def stateful_callbacks(config):
    """Keras' callbacks that remember past epochs: the plateau schedule and early stopping, as far as `config` asks."""
    callbacks = []
    if config.schedule == "plateau":
        callbacks.append(keras.callbacks.ReduceLROnPlateau("val_accuracy", mode="max", patience=PLATEAU_PATIENCE))
    if config.patience:
        callbacks.append(keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=config.patience))
    return callbacks


def _warmup_cosine(rate, steps, *, share):
    warmup = int(share * steps)
    return keras.optimizers.schedules.CosineDecay(rate / 25, steps - warmup, warmup_target=rate, warmup_steps=warmup)


SCHEDULES = {
    "constant": lambda rate, steps: rate,
    "cosine": lambda rate, steps: keras.optimizers.schedules.CosineDecay(rate, steps),
    "warmup_cosine": partial(_warmup_cosine, share=0.1),
    "long_warmup_cosine": partial(_warmup_cosine, share=0.3),
    "plateau": lambda rate, steps: rate,
}
"""Learning rate or Keras schedule by the name in `TrainConfig.schedule`, from (highest rate, steps of the run)."""


OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True),
}
"""Keras' optimisers by the name in `TrainConfig.optimizer`."""

LOSSES = {
    "cross_entropy": keras.losses.CategoricalCrossentropy,
    "focal": partial(keras.losses.CategoricalFocalCrossentropy, alpha=1.0, gamma=2.0),
}
"""Keras' losses by the name in `TrainConfig.loss`."""


def _optimizer(config, steps):
    rate = SCHEDULES[config.schedule](config.learning_rate, steps)
    settings = dict(weight_decay=config.weight_decay, use_ema=config.ema > 0, ema_momentum=config.ema)
    optimizer = OPTIMIZERS[config.optimizer](rate, **settings)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
