"""Networks, augmentation, training that can be interrupted and resumed, export.

train                settings and faces -> a run folder: weights, export, history, probabilities, card
resume_run           go on with an interrupted run, with its own settings
export_run           add export and score to a run that was trained without TensorFlow, or without PrivateTest
train_zoo            train every run of a dictionary that is lacking, in turn or side by side
MODELS               builders by name: `MODELS["simple"]()`
count_multiply_adds  what a network spends on one face
AUGMENTATIONS        random changes of training images, by the name in `TrainConfig.augment`
augment_images       images as training sees them
SCHEDULES            learning rates, by the name in `TrainConfig.schedule`
Batches              faces and targets as a `keras.utils.PyDataset`
build_network        the network that a `TrainConfig` names, in a precision
build_trainer        that network behind its augmentation, compiled
choose_precision     the dtype policy that is fastest on this machine
use_fused_batchnorm  a copy of a network that TensorFlow trains faster on a CPU
export_network       `model.keras` -> `model.tflite`
"""

import contextlib
import os

import lazy_loader

from ferlib._quiet import quiet_stderr

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only; TensorFlow looks at it once, when it is loaded
if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":  # Keras would load it
    with quiet_stderr(), contextlib.suppress(ImportError):  # what it says before it looks
        import tensorflow  # noqa: F401

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_augment": "AUGMENTATIONS augment_images".split(),
        "_batches": ["Batches"],
        "_batchnorm": ["use_fused_batchnorm"],
        "_export": ["export_network"],
        "_models": "MODELS count_multiply_adds".split(),
        "_train": "export_run resume_run train".split(),
        "_trainer": "SCHEDULES build_network build_trainer choose_precision".split(),
        "_zoo": ["train_zoo"],
    },
)
