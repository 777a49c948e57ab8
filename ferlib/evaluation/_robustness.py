"""Robustness to corruptions at five severities, after ImageNet-C (Hendrycks and Dietterich 2019, arXiv:1903.12261)."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ferlib.config import IMAGE_SIZE
from ferlib.evaluation._scores import wilson_interval


@dataclass(frozen=True)
class Corruption:
    """An image corruption.

    `change` takes a (48, 48) uint8 image, a setting and a numpy Generator, and returns an image (48, 48) of any type,
    0..255 once clipped; `settings` are those of severities 1 to 5; `meaning` is a setting in words, to be formatted.
    """

    change: Callable
    settings: tuple[float, ...]
    meaning: str


def apply_corruptions(image, settings):
    """A face (48, 48) uint8 under several corruptions at once; the same for the same settings.

    `settings` (dict of str to float) are by name in `CORRUPTIONS` what its `change` takes.
    """
    for name, setting in settings.items():
        image = _corrupt(image, name, setting, np.random.default_rng(0))
    return image


def _corrupt(image, name, setting, rng):
    changed = CORRUPTIONS[name].change(np.ascontiguousarray(image), setting, rng)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def measure_robustness(predict_images, images, labels):
    """Accuracy under every corruption at every severity.

    Parameters
    ----------
    predict_images : callable
        (N, 48, 48) uint8 images to (N, 7) probabilities, such as `Predictor.predict_images`.
    images : (N, 48, 48) uint8
        Of PublicTest: looking at PrivateTest again and again would be choosing on it.
    labels : (N,) int64

    Returns
    -------
    pandas.DataFrame
        corruption ("none" first), severity (0 for none), meaning, accuracy, low, high (95 % interval), n.
    """
    import pandas as pd

    def row(name, severity, meaning, corrupted):
        correct, n = int((predict_images(corrupted).argmax(1) == labels).sum()), len(labels)
        return (name, severity, meaning, correct / n, *wilson_interval(correct, n), n)

    rows = [row("none", 0, "as it is", images)]
    for name, corruption in CORRUPTIONS.items():
        for severity, setting in enumerate(corruption.settings, 1):
            rng = np.random.default_rng(0)
            corrupted = np.stack([_corrupt(image, name, setting, rng) for image in images])
            rows.append(row(name, severity, corruption.meaning.format(setting), corrupted))
    return pd.DataFrame(rows, columns=["corruption", "severity", "meaning", "accuracy", "low", "high", "n"])


def _blur(image, sigma, rng):
    return cv2.GaussianBlur(image, (0, 0), sigma)


def _noise(image, sigma, rng):
    return image + rng.normal(0, sigma, image.shape)


def _light(image, factor, rng):
    return image.astype(np.float32) * factor  # in uint8, twice 200 would be 144


def _rotate(image, angle, rng):
    centre = ((IMAGE_SIZE - 1) / 2,) * 2
    turn = cv2.getRotationMatrix2D(centre, angle * rng.choice((-1, 1)), 1)
    return cv2.warpAffine(image, turn, (IMAGE_SIZE, IMAGE_SIZE))


def _cover(image, side, rng):
    top, left = rng.integers(0, IMAGE_SIZE - side + 1, size=2)
    covered = image.copy()
    covered[top : top + side, left : left + side] = 128
    return covered


def _compress(image, quality, rng):
    _, content = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)


CORRUPTIONS = {
    "blur": Corruption(_blur, (0.5, 1, 1.5, 2, 3), "Gaussian, sigma {} px"),
    "noise": Corruption(_noise, (5, 10, 20, 35, 50), "Gaussian, sigma {} grey levels"),
    "too dark": Corruption(_light, (0.7, 0.5, 0.35, 0.2, 0.1), "grey levels times {}"),
    "too bright": Corruption(_light, (1.3, 1.6, 2.0, 2.5, 3.0), "grey levels times {}, clipped"),
    "rotation": Corruption(_rotate, (5, 10, 20, 30, 45), "{} degrees, left or right"),
    "occlusion": Corruption(_cover, (8, 14, 20, 26, 32), "a grey square of {} px, anywhere"),
    "JPEG": Corruption(_compress, (50, 25, 15, 8, 4), "quality {}"),
}
"""By name; severities from barely visible to what people would complain of (faces are 48 px wide)."""
