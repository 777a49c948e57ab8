"""Random changes of training images, as Keras layers that run on the device."""

import keras
import numpy as np

LAST = "channels_last"
"""Where the channels of training images stand, whatever order the network wants."""


class RandomAffine(keras.layers.Layer):
    """Shift, rotation and zoom as one resampling: Keras' three layers in a row would blur a face three times.

    Pixels beyond the border are black: FER2013's own tilted crops have black corners too.

    Parameters
    ----------
    shift : float
        Furthest, to either side, as a share of the image's height and width.
    degrees : float
        Widest turn, to either side.
    zoom : float
        Most that a face shrinks or grows, as a share of its size.
    seed : int
    """

    def __init__(self, *, shift, degrees, zoom, seed, **options):
        super().__init__(**options)
        self.ranges = {"zoom": zoom, "angle": np.deg2rad(degrees), "x": shift, "y": shift}
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, images, training=None):
        """Changed images: (N, H, W, C) float32 as they come, in training each by a draw of its own."""
        if not training:
            return images
        ops, (count, height, width) = keras.ops, keras.ops.shape(images)[:3]
        zoom, angle, x, y = (
            keras.random.uniform((count,), -furthest, furthest, seed=self.seeds) for furthest in self.ranges.values()
        )
        along, across = (1 + zoom) * ops.cos(angle), (1 + zoom) * ops.sin(angle)
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        x = x * width + middle_x - along * middle_x + across * middle_y
        y = y * height + middle_y - across * middle_x - along * middle_y
        none = ops.zeros_like(zoom)
        where = ops.stack([along, -across, x, across, along, y, none, none], axis=1)
        return ops.image.affine_transform(images, where, data_format=LAST)


def _flip(seeds):
    return [keras.layers.RandomFlip("horizontal", data_format=LAST, seed=next(seeds))]


def _move(seeds, **ranges):
    return [*_flip(seeds), RandomAffine(**ranges, seed=next(seeds))]


def _light(seeds, *, brightness, contrast):
    return [
        keras.layers.RandomBrightness(brightness, seed=next(seeds)),
        keras.layers.RandomContrast(contrast, value_range=(0, 255), seed=next(seeds)),
    ]


def _full(seeds):
    return _move(seeds, shift=0.1, degrees=10, zoom=0.1) + _light(seeds, brightness=0.1, contrast=0.2)


def _strong(seeds):
    return [
        *_move(seeds, shift=0.125, degrees=15, zoom=0.15),
        *_light(seeds, brightness=0.2, contrast=0.3),
        keras.layers.RandomErasing(
            0.4, scale=(0.02, 0.2), fill_value=128, value_range=(0, 255), data_format=LAST, seed=next(seeds)
        ),
    ]


AUGMENTATIONS = {"none": lambda seeds: [], "flip": _flip, "full": _full, "strong": _strong}
"""Layers by the name in `TrainConfig.augment`: "full" is flip, shift, rotation, zoom, brightness and contrast; "strong"
is more of each, and random erasing (Zhong et al. 2017, arXiv:1708.04896).

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
    for layer in AUGMENTATIONS[augment](draw_seeds(seed)):
        x = layer(x, training=True)
    return keras.ops.convert_to_numpy(x)[..., 0]
