"""Occlusion maps and Grad-CAM, both (48, 48) float32, of a face.

Everywhere here `image` is a face, (48, 48) uint8; `predict_images` takes images (N, 48, 48) uint8 to probabilities
(N, 7), such as `Predictor.predict_images`; `emotion` is the label explained, by default the likeliest.
"""

import cv2
import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE


def occlusion_map(predict_images, image, *, emotion=None, patch=10, step=2):
    """Occlusion map of a face: how much probability is lost when a grey patch covers a part of it.

    It needs nothing but predictions, so it works with every backend and with the exported network alike.

    Parameters
    ----------
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
    sides = [slice(corner, corner + patch) for corner in range(0, IMAGE_SIZE - patch + 1, step)]
    places = [(rows, columns) for rows in sides for columns in sides]
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


def average_occlusion(predict_images, images, labels, *, count=20, **options):
    """Mean occlusion map of each emotion, and its mean face: no single face can be made out, so both can be shown.

    Maps (7, 48, 48) are means over the `count` correct predictions of most confidence, `options` those of
    `occlusion_map`; faces (7, 48, 48) float32, 0..255, are means over all images of a label. nan where there is none.
    """
    probabilities = predict_images(images)
    correct = probabilities.argmax(1) == labels
    maps, faces = np.full((2, len(EMOTIONS), IMAGE_SIZE, IMAGE_SIZE), np.nan, dtype=np.float32)
    for label in np.unique(labels):
        faces[label] = images[labels == label].mean(0)
        rows = np.flatnonzero(correct & (labels == label))
        rows = rows[np.argsort(-probabilities[rows, label], kind="stable")][:count]
        if len(rows):
            maps[label] = np.mean([occlusion_map(predict_images, images[row], **options) for row in rows], axis=0)
    return maps, faces


def grad_cam(network, image, *, emotion=None, layer=None):
    """Grad-CAM of a face: where the feature maps lie that speak for an emotion. Works on every Keras backend.

    Own code, since maintained packages need TensorFlow (eli5, tf-keras-vis) or torch modules.

    Parameters
    ----------
    network : keras.Model
        Functional, pixels 0..255 in, such as `keras.models.load_model("models/<run>/model.keras")`.
    layer : str, optional
        Whose feature maps are weighted; all that follows must depend on it alone. By default the last layer with maps
        as large as the last convolution's, so that normalization and ReLU are included.

    Returns
    -------
    (48, 48) float32
        0..1, 1 where most speaks for the emotion; all 0 if nothing does.

    Raises
    ------
    ValueError
        If the network has no such layer, or no convolution.

    References
    ----------
    Selvaraju et al. (2017), "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
    arXiv:1610.02391.
    """
    import keras

    maps = (network.get_layer(layer) if layer else _last_maps(network)).output
    body, head = keras.Model(network.inputs[0], maps), keras.Model(maps, network.outputs[0])
    features = body(image[None, ..., None].astype(np.float32), training=False)
    probabilities = keras.ops.convert_to_numpy(head(features, training=False))[0]
    gradient = _gradient(head, features, int(probabilities.argmax() if emotion is None else emotion))
    heat = np.maximum((keras.ops.convert_to_numpy(features)[0] * gradient.mean((0, 1))).sum(-1), 0)
    heat = cv2.resize(heat, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_LINEAR)
    return heat / heat.max() if heat.max() > 0 else heat


def _last_maps(network):
    from keras import layers

    convolutions = (layers.Conv2D, layers.SeparableConv2D, layers.DepthwiseConv2D)
    sizes = [layer.output.shape[1:3] for layer in network.layers if isinstance(layer, convolutions)]
    if not sizes:
        raise ValueError(f"network {network.name} has no convolution, so no feature maps: use occlusion_map")
    return [one for one in network.layers if len(one.output.shape) == 4 and one.output.shape[1:3] == sizes[-1]][-1]


def _gradient(head, features, label):
    """Gradient (h, w, c) of the log probability of a label by the features (1, h, w, c)."""
    import keras

    def score(x):
        return keras.ops.log(head(x, training=False)[0, label] + 1e-9)

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(features)
            value = score(features)
        gradient = tape.gradient(value, features)
    elif backend == "jax":  # pragma: no cover (an extra, as torch is)
        import jax

        gradient = jax.grad(score)(features)
    elif backend == "torch":  # pragma: no cover
        import torch

        features = features.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(score(features), features)
    else:  # pragma: no cover
        raise ValueError(f"Keras backend {backend!r}: grad_cam knows tensorflow, jax and torch")
    return keras.ops.convert_to_numpy(gradient)[0]
