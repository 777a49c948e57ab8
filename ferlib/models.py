"""The zoo: published networks as pure Functional Keras builders that run on any backend.

Every builder takes `width`, a factor on the number of channels (1 is the published network, less is for a quick look),
and returns an uncompiled model: pixels 0..255 as (N, 48, 48, 1) in, probabilities (N, 7) in the order of
`config.EMOTIONS` out. Inside, the network follows Keras' image data format, and weights carry over between the formats.
"""

import math

from keras import Input, Model, config, layers, regularizers

from ferlib.config import EMOTIONS, IMAGE_SIZE


def _open():
    pixels = Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="pixels")
    x = layers.Rescaling(1 / 255)(pixels)
    if config.image_data_format() == "channels_first":
        x = layers.Reshape((1, IMAGE_SIZE, IMAGE_SIZE))(x)
    return pixels, x


def _norm(x):
    return layers.BatchNormalization(axis=1 if config.image_data_format() == "channels_first" else -1)(x)


def _close(pixels, x, *, name):
    # float32 whatever the precision of the rest: bfloat16 would round probabilities to two digits
    read = layers.Dense(len(EMOTIONS), activation="softmax", dtype="float32", name="probabilities")
    return Model(pixels, read(x), name=name)


def _conv(x, channels, size=3, *, norm=True, padding="same", l2=None):
    """Convolution, batch normalisation (or none), ReLU."""
    regularizer = regularizers.L2(l2) if l2 else None
    x = layers.Conv2D(channels, size, padding=padding, kernel_regularizer=regularizer)(x)
    if norm:
        x = _norm(x)
    return layers.Activation("relu")(x)


def _pool_drop(x):
    return layers.Dropout(0.25)(layers.MaxPooling2D()(x))


def build_simple(width=1.0):
    """The plain CNN of countless student projects: four convolutions, 2,345,607 parameters."""
    pixels, x = _open()
    x = _conv(x, _scaled(32, width), norm=False, padding="valid")
    x = _conv(x, _scaled(64, width), norm=False, padding="valid")
    x = _pool_drop(x)
    x = layers.MaxPooling2D()(_conv(x, _scaled(128, width), norm=False, padding="valid"))
    x = _pool_drop(_conv(x, _scaled(128, width), norm=False, padding="valid"))
    x = layers.Dense(_scaled(1024, width), activation="relu")(layers.Flatten()(x))
    return _close(pixels, layers.Dropout(0.5)(x), name="simple")


def build_oversampled(width=1.0):
    """The network behind the famous 81 %, which is a leak (notebook 02): five convolutions with batch normalisation."""
    pixels, x = _open()
    x = layers.Dropout(0.25)(_conv(x, _scaled(32, width), padding="valid"))
    x = layers.MaxPooling2D()(_conv(x, _scaled(64, width)))
    x = layers.Dropout(0.25)(_conv(x, _scaled(64, width), padding="valid"))
    x = layers.MaxPooling2D()(_conv(x, _scaled(128, width)))
    x = layers.MaxPooling2D()(_conv(x, _scaled(128, width), padding="valid"))
    x = layers.Dense(_scaled(250, width), activation="relu")(layers.Flatten()(x))
    return _close(pixels, layers.Dropout(0.5)(x), name="oversampled")


def build_attention(width=1.0):
    """Four double-convolution blocks with a spatial attention gate after the second."""
    l2 = 5e-5
    pixels, x = _open()
    for block, channels in enumerate((64, 128, 256, 512)):
        for _ in range(2):
            x = _conv(x, _scaled(channels, width), l2=l2)
        if block < 3:
            x = _pool_drop(x)
        if block == 1:
            gate = layers.Conv2D(1, 1, activation="sigmoid", kernel_regularizer=regularizers.L2(l2), name="attention")(
                x
            )
            x = layers.Multiply()([x, gate])
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    x = layers.Dense(_scaled(512, width), activation="relu", kernel_regularizer=regularizers.L2(l2))(x)
    x = layers.Dropout(0.5)(layers.BatchNormalization()(x))
    return _close(pixels, x, name="attention")


def build_augmented(width=1.0):
    """Wide convolutions and two dense layers, published with heavy augmentation."""
    pixels, x = _open()
    for channels, size in ((64, 3), (128, 5), (512, 3), (512, 3)):
        x = _pool_drop(_conv(x, _scaled(channels, width), size))
    x = layers.Flatten()(x)
    for units in (256, 512):
        x = layers.BatchNormalization()(layers.Dense(_scaled(units, width))(x))
        x = layers.Dropout(0.25)(layers.Activation("relu")(x))
    return _close(pixels, x, name="augmented")


def build_mini_xception(width=1.0):
    """Depthwise-separable residual network of 58,423 parameters, the one inside the package `fer`.

    Arriaga, Valdenegro-Toro and Ploeger (2017), "Real-time Convolutional Neural Networks for Emotion and Gender
    Classification", arXiv:1710.07557. It looks at 64x64 pixels, so the face is enlarged first.
    """
    pixels, x = _open()
    x = layers.Resizing(64, 64)(x)
    l2 = regularizers.L2(0.01)
    for _ in range(2):
        x = layers.Conv2D(_scaled(8, width), 3, kernel_regularizer=l2, use_bias=False)(x)
        x = layers.Activation("relu")(_norm(x))
    for channels in (16, 32, 64, 128):
        channels = _scaled(channels, width)
        # A 1x1 convolution of stride 2 in two steps: as one, it crashes TensorFlow 2.21 and torch 2.13 on some CPUs.
        shortcut = layers.MaxPooling2D(1, strides=2, padding="same")(x)
        shortcut = _norm(layers.Conv2D(channels, 1, use_bias=False)(shortcut))
        x = _separable(x, channels, l2)
        x = _separable(layers.Activation("relu")(x), channels, l2)
        x = layers.Add()([layers.MaxPooling2D(3, strides=2, padding="same")(x), shortcut])
    x = layers.Conv2D(len(EMOTIONS), 3, padding="same")(x)
    x = layers.Softmax(dtype="float32", name="probabilities")(layers.GlobalAveragePooling2D()(x))
    return Model(pixels, x, name="mini_xception")


def _separable(x, channels, l2):
    x = layers.SeparableConv2D(
        channels, 3, padding="same", use_bias=False, depthwise_regularizer=l2, pointwise_regularizer=l2
    )(x)
    return _norm(x)


def build_compact(width=1.0):
    """Squeeze-excitation residual network of 1.4 million parameters, which halves the face at once: the demo's."""
    return _build_residual("compact", ((48, 2), (96, 2), (176, 2)), width, dropout=0.2)


def build_micro(width=1.0):
    """As `build_compact`, in two stages and of fewer parameters than `mini_xception`."""
    return _build_residual("micro", ((16, 4), (32, 2)), width, dropout=0)


def build_best(width=1.0):
    """As `build_compact`, but it halves the face only after a first stage, and is wider: 3.1 million parameters."""
    return _build_residual("best", ((32, 1), (64, 2), (128, 3), (256, 2)), width, dropout=0.2, stem_stride=1)


def _build_residual(name, stages, width, *, dropout, stem_stride=2):
    """Residual blocks (He et al. 2015, arXiv:1512.03385) with squeeze-excitation (Hu et al. 2017, arXiv:1709.01507).

    Each stage, of so many channels and blocks, works at half the resolution of the one before.
    """
    pixels, x = _open()
    x = layers.Conv2D(_scaled(stages[0][0], width), 3, strides=stem_stride, padding="same", use_bias=False)(x)
    x = layers.Activation("relu")(_norm(x))
    for stage, (channels, blocks) in enumerate(stages):
        for block in range(blocks):
            x = _residual_block(x, _scaled(channels, width), stride=2 if stage and not block else 1)
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    return _close(pixels, x, name=name)


def _residual_block(x, channels, *, stride):
    shortcut = x
    if stride > 1:
        shortcut = _norm(layers.Conv2D(channels, 1, use_bias=False)(layers.AveragePooling2D(stride)(x)))
    x = layers.Conv2D(channels, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.Activation("relu")(_norm(x))
    x = _norm(layers.Conv2D(channels, 3, padding="same", use_bias=False)(x))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(x)
    squeezed = layers.Conv2D(max(1, channels // 8), 1, activation="relu")(squeezed)
    x = layers.Multiply()([x, layers.Conv2D(channels, 1, activation="sigmoid")(squeezed)])
    return layers.Activation("relu")(layers.Add()([x, shortcut]))


def _scaled(channels, width):
    return max(1, round(channels * width))


MODELS = {
    "simple": build_simple,
    "attention": build_attention,
    "augmented": build_augmented,
    "oversampled": build_oversampled,
    "mini_xception": build_mini_xception,
    "micro": build_micro,
    "compact": build_compact,
    "best": build_best,
}
"""Builders by name: `MODELS["simple"]()`."""


def count_multiply_adds(network):
    """Multiplications with additions that a network spends on one face, in its convolutions and dense layers.

    Parameters
    ----------
    network : keras.Model

    Returns
    -------
    int
    """
    total = 0
    for layer in network.layers:
        if isinstance(layer, layers.SeparableConv2D):
            kernels, filters = [layer.depthwise_kernel, layer.pointwise_kernel], layer.filters
        elif isinstance(layer, layers.DepthwiseConv2D):
            kernels, filters = [layer.kernel], layer.kernel.shape[-2]
        elif isinstance(layer, layers.Conv2D | layers.Dense):
            kernels, filters = [layer.kernel], layer.kernel.shape[-1]
        else:
            continue
        places = math.prod(layer.output.shape[1:]) // filters
        total += places * sum(math.prod(kernel.shape) for kernel in kernels)
    return total
