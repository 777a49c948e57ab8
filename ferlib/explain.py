"""Where the network looked."""

import numpy as np

from ferlib.config import IMAGE_SIZE


def occlusion_map(predict_images, image, *, emotion=None, patch=10, step=2):
    """How much each part of a face matters: the loss of probability when a grey patch covers it.

    Asks for nothing but predictions, so it works with every backend and with the exported network alike.

    Parameters
    ----------
    predict_images : callable
        (N, 48, 48) uint8 images to (N, 7) probabilities, such as `Predictor.predict_images`.
    image : (48, 48) uint8
    emotion : int, optional
        The label explained; the likeliest one by default.
    patch, step : int
        Side of the patch and distance between its places, in pixels.

    Returns
    -------
    (48, 48) float32
        Mean loss of probability over the patches that cover a pixel; below 0 where covering it helped.

    References
    ----------
    Zeiler and Fergus (2014), "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901.
    """
    corners = range(0, IMAGE_SIZE - patch + 1, step)
    places = [(slice(top, top + patch), slice(left, left + patch)) for top in corners for left in corners]
    covered = np.repeat(image[None], len(places) + 1, axis=0)
    for copy, place in zip(covered[1:], places, strict=True):
        copy[place] = image.mean()
    probabilities = predict_images(covered)
    label = probabilities[0].argmax() if emotion is None else emotion
    total, times = np.zeros((2, IMAGE_SIZE, IMAGE_SIZE), dtype=np.float32)
    for loss, place in zip(probabilities[0, label] - probabilities[1:, label], places, strict=True):
        total[place] += loss
        times[place] += 1
    return total / np.maximum(times, 1)
