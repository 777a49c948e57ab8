"""What the whole project shares: emotions, sizes, paths, training settings, profile."""

import os
from dataclasses import dataclass
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

DEMO_RUN = "mini_xception"
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
    learning_rate : float
        Of Adam, at the start.
    schedule : {"constant", "cosine"}
        What happens to the learning rate afterwards; "cosine" ends at zero.
    balance : {"none", "class_weights", "oversample"}
        Cure for the class imbalance, applied to Training rows only.
    augment : {"none", "flip", "full"}
        Random changes of the training images; "full" is flip, shift, rotation, zoom, brightness and contrast.
    label_smoothing : float
        In [0, 1).
    seed : int
    """

    model: str = "simple"
    width: float = 1.0
    epochs: int = 50
    batch_size: int = 64
    learning_rate: float = 1e-4
    schedule: str = "constant"
    balance: str = "none"
    augment: str = "none"
    label_smoothing: float = 0.0
    seed: int = 0


RECIPES = {
    "simple": TrainConfig("simple", epochs=50),
    "attention": TrainConfig(
        "attention", epochs=80, batch_size=32, learning_rate=5e-5, augment="flip", balance="class_weights"
    ),
    "augmented": TrainConfig("augmented", epochs=60, batch_size=128, augment="full"),
    "oversampled": TrainConfig("oversampled", epochs=35, batch_size=32, balance="oversample"),
    "mini_xception": TrainConfig("mini_xception", epochs=100, batch_size=32, learning_rate=1e-3, augment="full"),
}
"""The settings with which each network of the zoo was published, as far as they are known."""


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
