"""What the whole project shares: emotions, sizes, paths, training settings, profile."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Emotion names in FER2013's own label order: `EMOTIONS[label]`."""

EMOTION_COLORS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#7F7F7F",
}
"""One colour per emotion in every plot and widget: Okabe and Ito's set for the colour-blind."""

COARSE = {
    "positive": ("happy",),
    "neutral": ("neutral",),
    "negative": ("angry", "disgust", "fear", "sad"),
    "surprise": ("surprise",),
}
"""The coarse question. Surprise is pleasant or not, which a face alone does not tell: it stays an answer of its own,
so that every face is scored and none is counted as a mood that its label does not say."""

SPLITS = ("Training", "PublicTest", "PrivateTest")
"""Values of `usage`: train on the first, choose on the second, score once on the third."""

IMAGE_SIZE = 48
"""Height and width of a FER2013 face in pixels."""

PROJECT_DIR = Path(__file__).resolve().parent.parent
NOTEBOOKS_DIR = PROJECT_DIR / "notebooks"
DATA_DIR = PROJECT_DIR / "data"
CACHE_DIR = DATA_DIR / "cache"
FIGURES_DIR = PROJECT_DIR / "figures"
MODELS_DIR = PROJECT_DIR / "models"
BUILD_DIR = PROJECT_DIR / "build"

DEMO_RUN = "compact"
"""Run folder in `models/` whose network the demo and `ferlib predict` use by default."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training run; written into its run folder.

    Attributes
    ----------
    model : str
        A name in `ferlib.models.MODELS`.
    width : float
        Factor on every layer's number of channels; 1 is the published network.
    epochs, batch_size : int
    optimizer : {"adam", "adamw", "sgd"}
        "sgd" has Nesterov momentum 0.9.
    learning_rate : float
        The highest of the schedule.
    weight_decay : float
        Decoupled, on kernels only: neither biases nor norms.
    schedule : {"constant", "cosine", "warm_up", "one_cycle", "plateau"}
        How the learning rate moves: not at all; down to zero along a cosine; the same after a climb of 10 % of the run;
        after one of 30 % (Smith 2018); or to a tenth whenever PublicTest accuracy has not risen for 5 epochs.
    patience : int
        Stop after so many epochs without a better PublicTest accuracy; 0 never stops.
    balance : {"none", "class_weights", "oversample"}
        Cure for the class imbalance, applied to Training rows only.
    split : {"official", "leaky"}
        "leaky" is the mistake behind the famous 81 %: it oversamples the whole data set and splits it afterwards.
    augment : {"none", "flip", "full", "strong"}
        Random changes of the training images, see `ferlib.augment`.
    mix : {"none", "mixup", "cutmix"}
        Blending of pairs of training images and their labels.
    loss : {"cross_entropy", "focal"}
        "focal" lets faces that are read well count less (Lin et al. 2017, arXiv:1708.02002; gamma 2).
    votes : float
        Share, in [0, 1], that FER+'s votes have in the labels to learn from, see `ferlib.witnesses.expect_labels`.
    teacher : str
        "none", or a run in `models/` whose probabilities are learned from too, as in distillation (Hinton et al. 2015,
        arXiv:1503.02531); several, joined by "+", teach their mean.
    distillation : float
        Share, in [0, 1], that the teacher's probabilities have in the labels to learn from.
    start : str
        "none", or a run in `models/` of the same network, whose weights are trained further.
    label_smoothing : float
        In [0, 1).
    ema : float
        Momentum of the running mean of the weights that is scored and kept, such as 0.999; 0 keeps the weights.
    seed : int
    """

    model: str = "simple"
    width: float = 1.0
    epochs: int = 50
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    schedule: str = "constant"
    patience: int = 0
    balance: str = "none"
    split: str = "official"
    augment: str = "none"
    mix: str = "none"
    loss: str = "cross_entropy"
    votes: float = 0.0
    teacher: str = "none"
    distillation: float = 0.0
    start: str = "none"
    label_smoothing: float = 0.0
    ema: float = 0.0
    seed: int = 0

    @property
    def sources(self):
        """Names of the runs whose networks it takes: its start and its teachers, sorted."""
        return sorted({self.start, *self.teacher.split("+")} - {"none"})


RECIPES = {
    "simple": TrainConfig("simple", epochs=50, seed=1),  # of seeds 0 and 1, PublicTest chose
    "oversampled": TrainConfig("oversampled", epochs=35, batch_size=32, balance="oversample"),
    "mini_xception": TrainConfig(
        "mini_xception", epochs=100, batch_size=32, learning_rate=1e-3, schedule="plateau", augment="full"
    ),
    "augmented": TrainConfig("augmented", epochs=60, batch_size=128, augment="full"),
    "attention": TrainConfig(
        "attention", epochs=80, batch_size=32, learning_rate=5e-5, patience=20, augment="flip", balance="class_weights"
    ),
}
"""The settings with which each network of the zoo was published, as far as they are known."""

_OWN = dict(
    epochs=60,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.12,
    weight_decay=0.01,
    schedule="warm_up",
    augment="strong",
    votes=0.3,
    ema=0.999,
    teacher="compact_untaught",
    distillation=0.7,
)

TAUGHT = {
    "compact_taught": TrainConfig("compact", **_OWN),
    "best_taught": TrainConfig("best", **_OWN | dict(epochs=50, teacher="compact_taught+compact_untaught")),
}
"""Networks of our own halfway: trained on strongly changed faces and softened labels."""

_SETTLE = dict(
    epochs=12,
    learning_rate=0.02,
    augment="flip",
    votes=0.0,
    teacher="best_taught+compact_taught",
    distillation=0.5,
    ema=0.99,
)

OWN = {
    "compact": replace(TAUGHT["compact_taught"], start="compact_taught", **_SETTLE | dict(epochs=6)),
    "micro": TrainConfig("micro", **_OWN | dict(epochs=75, augment="full")),
    "best": replace(TAUGHT["best_taught"], start="best_taught", **_SETTLE),
}
"""The settings of the networks that are this project's own. Two of them settle at the end on faces as they are and on
FER2013's own labels (He et al. 2019, "Data Augmentation Revisited", arXiv:1909.09148)."""

MODERN = dict(
    epochs=40,
    batch_size=128,
    optimizer="adamw",
    learning_rate=2e-3,
    weight_decay=0.01,
    schedule="one_cycle",
    augment="strong",
    mix="mixup",
    label_smoothing=0.1,
    ema=0.99,
)
"""One recipe for all networks, so that architecture and training can be told apart."""

ZOO = {
    **RECIPES,
    "compact_untaught": replace(TAUGHT["compact_taught"], teacher="none", distillation=0.0),
    **TAUGHT,
    **OWN,
    "oversampled_leaky": replace(RECIPES["oversampled"], split="leaky"),
    **{f"{name}_modern": TrainConfig(name, **MODERN) for name in RECIPES},
}
"""Every run that `models/` should hold, most needed first: as published, our own, then with the modern recipe."""

_SMALL = TrainConfig("simple", width=0.5, epochs=10, learning_rate=5e-4)
# An oversampled epoch is 1.76 times as long: the same number of steps for all.
_OVERSAMPLED = dict(balance="oversample", epochs=6)

CURES = {
    "none": _SMALL,
    "class_weights": replace(_SMALL, balance="class_weights"),
    "focal": replace(_SMALL, loss="focal"),
    "oversample": replace(_SMALL, **_OVERSAMPLED),
    "oversample_augmented": replace(_SMALL, **_OVERSAMPLED, augment="full"),
}
"""Cures for the class imbalance, on one small network and one budget, for notebook 02."""

CURE_RUNS = {f"{cure}_{seed}": replace(CURES[cure], seed=seed) for seed in range(3) for cure in CURES}
"""Three runs of each, in `models/cures/`."""


@dataclass(frozen=True)
class Profile:
    """How much work the notebooks do.

    Attributes
    ----------
    drawn_faces : int
        Size of the embedded data set.
    training_rows : int
        Most Training rows that notebook 03 trains on, live.
    epochs : int
        Epochs of that live training.
    """

    drawn_faces: int
    training_rows: int
    epochs: int


PROFILES = {
    "full": Profile(drawn_faces=4000, training_rows=8000, epochs=8),
    "tiny": Profile(drawn_faces=700, training_rows=400, epochs=2),
}


def current_profile():
    """The profile that the environment variable FERLIB_PROFILE names; "full" if unset.

    Raises
    ------
    ValueError
        If there is no profile of that name.
    """
    name = os.environ.get("FERLIB_PROFILE", "full")
    if name not in PROFILES:
        raise ValueError(f"FERLIB_PROFILE={name}: expected one of {', '.join(PROFILES)}")
    return PROFILES[name]
