"""Augmentation of training images, as Keras layers that run on the device."""

import keras
import numpy as np

from ferlib.config import IMAGE_SIZE

JPEG_STEPS = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""Of grey values at quality 50: ITU-T T.81, table K.1."""

LAST = "channels_last"
"""Data format of training images, whatever the network's is."""


class RandomAffine(keras.layers.Layer):
    """Random shift, rotation and zoom as one resampling: Keras' three layers in a row would blur a face three times.

    Each is the largest change to either side: shift as a share of height and width, zoom as a share of the face's size.
    Pixels beyond the border are black: FER2013's own tilted crops have black corners too.
    """

    def __init__(self, *, shift, degrees, zoom, seed, **options):
        super().__init__(**options)
        self.ranges = {"zoom": zoom, "angle": np.deg2rad(degrees), "x": shift, "y": shift}
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, images, training=None):
        """Images (N, H, W, C) float32: in training each changed by a draw of its own, else as they are."""
        if not training:
            return images
        ops, (count, height, width) = keras.ops, keras.ops.shape(images)[:3]
        zoom, angle, x, y = (
            keras.random.uniform((count,), -largest, largest, seed=self.seeds) for largest in self.ranges.values()
        )
        cos, sin = (1 + zoom) * ops.cos(angle), (1 + zoom) * ops.sin(angle)
        centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
        x = x * width + centre_x - cos * centre_x + sin * centre_y
        y = y * height + centre_y - sin * centre_x - cos * centre_y
        zero = ops.zeros_like(zoom)
        transforms = ops.stack([cos, -sin, x, sin, cos, y, zero, zero], axis=1)
        return ops.image.affine_transform(images, transforms, data_format=LAST)


class RandomDegradation(keras.layers.Layer):
    """Random blur, noise and JPEG compression, as a camera's pictures have them; each in half of the images.

    Each is the most that may happen: standard deviation of a Gaussian blur in pixels, of the noise in grey values, and
    the factor on the steps of JPEG's table (1 is quality 50, 2 is 25).
    """

    def __init__(self, *, blur, noise, jpeg, seed, **options):
        super().__init__(**options)
        self.most = {"blur": blur, "noise": noise, "jpeg": jpeg}
        self.seeds = keras.random.SeedGenerator(seed)
        self.squares = np.square(np.subtract.outer(np.arange(IMAGE_SIZE), np.arange(IMAGE_SIZE))).astype("float32")
        frequency, place = np.mgrid[:8, :8]
        cosine = np.sqrt(np.where(frequency, 2, 1) / 8) * np.cos(np.pi * frequency * (2 * place + 1) / 16)
        self.cosine = np.kron(np.eye(IMAGE_SIZE // 8), cosine).astype("float32")
        self.steps = np.tile(JPEG_STEPS, (IMAGE_SIZE // 8, IMAGE_SIZE // 8)).astype("float32")

    def call(self, images, training=None):
        """Images (N, 48, 48, 1) float32: in training each degraded by a draw of its own, else as they are."""
        if not training:
            return images
        ops, count = keras.ops, keras.ops.shape(images)[0]
        blur, noise, jpeg = (
            ops.relu(keras.random.uniform((count, 1, 1), -most, most, seed=self.seeds)) + 1e-3
            for most in self.most.values()
        )
        kernel = ops.exp(-self.squares / (2 * blur**2))
        kernel /= ops.sum(kernel, axis=2, keepdims=True)
        images = ops.matmul(ops.matmul(kernel, images[..., 0]), ops.swapaxes(kernel, 1, 2))
        images += noise * keras.random.normal(ops.shape(images), seed=self.seeds)
        steps = self.steps * jpeg
        coefficients = ops.matmul(ops.matmul(self.cosine, images - 128), self.cosine.T)
        images = ops.matmul(ops.matmul(self.cosine.T, ops.round(coefficients / steps) * steps), self.cosine) + 128
        return ops.clip(images, 0, 255)[..., None]


def _flip(seeds):
    return [keras.layers.RandomFlip("horizontal", data_format=LAST, seed=next(seeds))]


def _full(seeds, *, shift=0.1, degrees=10, zoom=0.1, brightness=0.1, contrast=0.2):
    return [
        *_flip(seeds),
        RandomAffine(shift=shift, degrees=degrees, zoom=zoom, seed=next(seeds)),
        keras.layers.RandomBrightness(brightness, seed=next(seeds)),
        keras.layers.RandomContrast(contrast, value_range=(0, 255), seed=next(seeds)),
    ]


def _strong(seeds):
    erasing = dict(scale=(0.02, 0.2), fill_value=128, value_range=(0, 255), data_format=LAST)
    return [
        *_full(seeds, shift=0.125, degrees=15, zoom=0.15, brightness=0.2, contrast=0.3),
        keras.layers.RandomErasing(0.4, **erasing, seed=next(seeds)),
    ]


def _camera(seeds):
    return [
        RandomDegradation(blur=1.5, noise=12, jpeg=3, seed=next(seeds)),
        *_full(seeds, degrees=15, zoom=0.15, brightness=0.2, contrast=0.3),
    ]


AUGMENTATIONS = {"none": lambda seeds: [], "flip": _flip, "full": _full, "strong": _strong, "camera": _camera}
"""Layers by the name in `TrainConfig.augment`: "full" is flip, shift, rotation, zoom, brightness and contrast; "strong"
is more of each, and random erasing (Zhong et al. 2017, arXiv:1708.04896); "camera" is blur, noise, JPEG, and a face
that is not quite where it should be, as a detector cuts it out of a picture.

Each takes an iterator of seeds, one a layer: under a common seed all layers would draw the same numbers, and every face
that is shifted left would be darker."""

MIXES = {
    "none": lambda seeds: [],
    "mixup": lambda seeds: [keras.layers.MixUp(0.2, seed=next(seeds))],
    "cutmix": lambda seeds: [keras.layers.CutMix(1.0, seed=next(seeds))],
}
"""Layers by the name in `TrainConfig.mix`, which blend images and labels: mixup (Zhang et al. 2017, arXiv:1710.09412),
cutmix (Yun et al. 2019, arXiv:1905.04899)."""


def draw_seeds(seed):
    """An iterator of seeds for the layers of a run, small enough for torch, which keeps them in 31 bits."""
    return iter((np.random.SeedSequence(seed).generate_state(100) >> 1).tolist())


def augment_images(images, *, augment="full", seed=0):
    """Augmented images as training sees them: changed at random, the same for the same seed.

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
    for layer in AUGMENTATIONS[augment](draw_seeds(seed)):
        x = layer(x, training=True)
    return keras.ops.convert_to_numpy(x)[..., 0]
