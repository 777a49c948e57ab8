"""How a network reads faces that are blurred, noisy, badly lit, tilted, covered or compressed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ferlib.config import IMAGE_SIZE
from ferlib.evaluate import wilson_interval


@dataclass(frozen=True)
class Corruption:
    """A way in which pictures go wrong, at five strengths.

    Attributes
    ----------
    change : callable
        (one (48, 48) uint8 image, a setting, a numpy Generator) to an image (48, 48) of any type, 0..255 once clipped.
    settings : tuple of 5 float
        What `change` takes at strengths 1 to 5.
    meaning : str
        A setting in words, to be formatted with it.
    """

    change: Callable
    settings: tuple[float, ...]
    meaning: str


def corrupt(images, name, strength, *, seed=0):
    """Images gone wrong.

    Parameters
    ----------
    images : (N, 48, 48) uint8
    name : str
        In `CORRUPTIONS`.
    strength : int
        1 (slight) to 5 (heavy).
    seed : int

    Returns
    -------
    (N, 48, 48) uint8

    Raises
    ------
    ValueError
        If there is no such corruption or strength.
    """
    if name not in CORRUPTIONS or strength not in range(1, 6):
        raise ValueError(f"corruption {name!r}, strength {strength}: expected 1..5 of {', '.join(CORRUPTIONS)}")
    setting, rng = CORRUPTIONS[name].settings[strength - 1], np.random.default_rng(seed)
    return np.stack([_change(image, name, setting, rng) for image in images])


def change_face(image, settings):
    """A face gone wrong in several ways at once, each as far as its setting says.

    Parameters
    ----------
    image : (48, 48) uint8
    settings : dict of str to float
        By names in `CORRUPTIONS`, what their `change` takes.

    Returns
    -------
    (48, 48) uint8
        The same for the same settings.
    """
    for name, setting in settings.items():
        image = _change(image, name, setting, np.random.default_rng(0))
    return image


def _change(image, name, setting, rng):
    changed = CORRUPTIONS[name].change(np.ascontiguousarray(image), setting, rng)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def pick_rows(n, *, count=1000, seed=0):
    """The same `count` of n rows every time, sorted; all of them if there are fewer."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:count])


def measure_robustness(predict_images, images, labels, *, seed=0):
    """Accuracy under every corruption at every strength.

    Parameters
    ----------
    predict_images : callable
        (N, 48, 48) uint8 images to (N, 7) probabilities, such as `Predictor.predict_images`.
    images : (N, 48, 48) uint8
        Of PublicTest: looking at PrivateTest again and again would be choosing on it.
    labels : (N,) int64
    seed : int

    Returns
    -------
    pandas.DataFrame
        corruption ("none" first), strength (0 for none), meaning, accuracy, low, high (95 % interval), n.
    """
    import pandas as pd

    def row(name, strength, meaning, seen):
        right = int((predict_images(seen).argmax(1) == labels).sum())
        return (name, strength, meaning, right / len(labels), *wilson_interval(right, len(labels)), len(labels))

    rows = [row("none", 0, "as it is", images)]
    for name, corruption in CORRUPTIONS.items():
        for strength, setting in enumerate(corruption.settings, 1):
            seen = corrupt(images, name, strength, seed=seed)
            rows.append(row(name, strength, corruption.meaning.format(setting), seen))
    return pd.DataFrame(rows, columns=["corruption", "strength", "meaning", "accuracy", "low", "high", "n"])


def _blur(image, sigma, rng):
    import cv2

    return cv2.GaussianBlur(image, (0, 0), sigma)


def _noise(image, sigma, rng):
    return image + rng.normal(0, sigma, image.shape)


def _light(image, factor, rng):
    return image.astype(np.float32) * factor  # in uint8, twice 200 would be 144


def _rotate(image, angle, rng):
    import cv2

    centre = ((IMAGE_SIZE - 1) / 2,) * 2
    turn = cv2.getRotationMatrix2D(centre, angle * rng.choice((-1, 1)), 1)
    return cv2.warpAffine(image, turn, (IMAGE_SIZE, IMAGE_SIZE))


def _cover(image, side, rng):
    top, left = rng.integers(0, IMAGE_SIZE - side + 1, size=2)
    covered = image.copy()
    covered[top : top + side, left : left + side] = 128
    return covered


def _compress(image, quality, rng):
    import cv2

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
"""By name: five strengths each, from what is barely seen to what people would complain of (faces are 48 px wide)."""
