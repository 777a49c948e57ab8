"""Where the network looked."""

import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE


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


def average_occlusion(predict_images, images, labels, *, count=20, **options):
    """Where on a face each emotion is read, on average: no single face can be made out, so it can be shown.

    Parameters
    ----------
    predict_images : callable
        As for `occlusion_map`.
    images : (N, 48, 48) uint8
    labels : (N,) int64
    count : int
        Faces an emotion: those read right of which the network is surest.
    **options
        `patch` and `step` of `occlusion_map`.

    Returns
    -------
    maps : (7, 48, 48) float32
        Mean occlusion maps; nan for an emotion that is never read right.
    faces : (7, 48, 48) float32
        Mean of all images of a label, grey values 0..255, to lay the maps over; nan where there is none.
    """
    probabilities = predict_images(images)
    right = probabilities.argmax(1) == labels
    maps, faces = np.full((2, len(EMOTIONS), IMAGE_SIZE, IMAGE_SIZE), np.nan, dtype=np.float32)
    for label in range(len(EMOTIONS)):
        hits = np.flatnonzero(right & (labels == label))
        surest = hits[np.argsort(-probabilities[hits, label], kind="stable")][:count]
        if len(surest):
            maps[label] = np.mean([occlusion_map(predict_images, images[row], **options) for row in surest], axis=0)
        if (labels == label).any():
            faces[label] = images[labels == label].mean(0)
    return maps, faces


def grad_cam(network, image, *, emotion=None, layer=None):
    """Where the feature maps lie that speak for an emotion (Grad-CAM). Works on every Keras backend.

    Own code, since what is kept well works with TensorFlow only (eli5, tf-keras-vis) or with torch modules.

    Parameters
    ----------
    network : keras.Model
        Functional, pixels 0..255 in, such as `keras.models.load_model("models/<run>/model.keras")`.
    image : (48, 48) uint8
    emotion : int, optional
        The label explained; the likeliest one by default.
    layer : str, optional
        Whose maps are weighed; all that follows must depend on it alone. By default the last layer with maps as large
        as the last convolution's, so that normalisation and ReLU are included.

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
    import cv2
    import keras

    maps = (network.get_layer(layer) if layer else _last_maps(network)).output
    body, head = keras.Model(network.inputs[0], maps), keras.Model(maps, network.outputs[0])
    features = body(image[None, ..., None].astype(np.float32), training=False)
    answer = keras.ops.convert_to_numpy(head(features, training=False))[0]
    gradient = _gradient(head, features, int(answer.argmax() if emotion is None else emotion))
    features = keras.ops.convert_to_numpy(features)[0]
    matters = np.maximum((features * gradient.mean((0, 1))).sum(-1), 0)
    matters = cv2.resize(matters, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_LINEAR)
    return matters / matters.max() if matters.max() > 0 else matters


def _last_maps(network):
    from keras import layers

    convolutions = (layers.Conv2D, layers.SeparableConv2D, layers.DepthwiseConv2D)
    sizes = [layer.output.shape[1:3] for layer in network.layers if isinstance(layer, convolutions)]
    if not sizes:
        raise ValueError(f"network {network.name} has no convolution, so no maps to look at: use occlusion_map")
    return [one for one in network.layers if len(one.output.shape) == 4 and one.output.shape[1:3] == sizes[-1]][-1]


def _gradient(head, features, label):
    """Of the logarithm of a probability after the features (1, h, w, c): (h, w, c) array."""
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
