"""What the whole project shares: emotions and their colours, splits, sizes, paths, and how much work notebooks do."""

import os
from pathlib import Path
from typing import NamedTuple

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
"""Coarse classes (valence). Surprise is pleasant or not, which a face alone does not tell, so it stays a class of its
own: every face is scored, and none is counted as something that its label does not say."""

SPLITS = ("Training", "PublicTest", "PrivateTest")
"""Values of `split`: train on the first, choose on the second, score once on the third."""

IMAGE_SIZE = 48
"""Height and width of a FER2013 face in pixels."""

_CHECKOUT = Path(__file__).resolve().parent.parent
PROJECT_DIR = _CHECKOUT if (_CHECKOUT / "pyproject.toml").is_file() else Path.cwd()
"""The checkout; for a package installed from a wheel, the folder where Python was started."""

NOTEBOOKS_DIR = PROJECT_DIR / "notebooks"
DATA_DIR = PROJECT_DIR / "data"
CACHE_DIR = DATA_DIR / "cache"
EMBEDDED_FILE = DATA_DIR / "embedded.npz"
FIGURES_DIR = PROJECT_DIR / "figures"
MODELS_DIR = PROJECT_DIR / "models"
BUILD_DIR = PROJECT_DIR / "build"

PACKAGED_MODELS_DIR = Path(__file__).parent / "models"
"""Runs that a wheel carries, without their history and probabilities; not there in a checkout."""

DEMO_RUN = "compact_camera"
"""Run folder in `models/` whose network the demo and `ferlib predict` use by default."""


class Profile(NamedTuple):
    """How much notebook 03 trains live: on at most so many Training rows, for so many epochs."""

    training_rows: int
    epochs: int


PROFILES = {"full": Profile(training_rows=8000, epochs=8), "tiny": Profile(training_rows=400, epochs=2)}


def current_profile():
    """The profile that the environment variable FERLIB_PROFILE names, "full" if unset; ValueError if there is none."""
    name = os.environ.get("FERLIB_PROFILE", "full")
    if name not in PROFILES:
        raise ValueError(f"FERLIB_PROFILE={name}: expected one of {', '.join(PROFILES)}")
    return PROFILES[name]
