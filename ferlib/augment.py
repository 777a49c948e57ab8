"""Random changes of training images, as Keras layers that run on the device."""

import keras


def _flip(seed):
    return [keras.layers.RandomFlip("horizontal", seed=seed)]


def _move(seed, *, shift, degrees, zoom):
    # Pixels beyond the border are black: FER2013's own tilted crops have black corners too.
    border = dict(fill_mode="constant", seed=seed)
    return [
        *_flip(seed),
        keras.layers.RandomTranslation(shift, shift, **border),
        keras.layers.RandomRotation(degrees / 360, **border),
        keras.layers.RandomZoom(zoom, **border),
    ]


def _light(seed, *, brightness, contrast):
    return [
        keras.layers.RandomBrightness(brightness, seed=seed),
        keras.layers.RandomContrast(contrast, value_range=(0, 255), seed=seed),
    ]


def _full(seed):
    return _move(seed, shift=0.1, degrees=10, zoom=0.1) + _light(seed, brightness=0.1, contrast=0.2)


def _strong(seed):
    erase = keras.layers.RandomErasing(0.4, scale=(0.02, 0.2), value_range=(0, 255), seed=seed)
    return [
        *_move(seed, shift=0.125, degrees=15, zoom=0.15),
        *_light(seed, brightness=0.2, contrast=0.3),
        erase,
    ]


AUGMENTATIONS = {"none": lambda seed: [], "flip": _flip, "full": _full, "strong": _strong}
"""Layers by the name in `TrainConfig.augment`: "full" is flip, shift, rotation, zoom, brightness and contrast; "strong"
is more of each, and random erasing (Zhong et al. 2017, arXiv:1708.04896)."""

MIXES = {
    "none": lambda seed: [],
    "mixup": lambda seed: [keras.layers.MixUp(0.3, seed=seed)],
    "cutmix": lambda seed: [keras.layers.CutMix(1.0, seed=seed)],
}
"""Layers by the name in `TrainConfig.mix`, which blend images and labels: mixup (Zhang et al. 2017, arXiv:1710.09412),
cutmix (Yun et al. 2019, arXiv:1905.04899)."""


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
    for layer in AUGMENTATIONS[augment](seed):
        x = layer(x, training=True)
    return keras.ops.convert_to_numpy(x)[..., 0]
