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
    x = layers.Rescaling(1 / 255, name="rescaling")(pixels)
    if config.image_data_format() == "channels_first":
        x = layers.Reshape((1, IMAGE_SIZE, IMAGE_SIZE), name="channels_first")(x)
    return pixels, x


def _norm(x, name):
    axis = 1 if config.image_data_format() == "channels_first" and len(x.shape) == 4 else -1
    return layers.BatchNormalization(axis=axis, name=f"{name}_norm")(x)


def _relu(x, name):
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _close(pixels, x, *, name):
    # float32 whatever the precision of the rest: bfloat16 would round probabilities to two digits
    dense = layers.Dense(len(EMOTIONS), activation="softmax", dtype="float32", name="probabilities")
    return Model(pixels, dense(x), name=name)


def _conv(x, name, channels, size=3, *, norm=True, padding="same", regularizer=None):
    """Convolution, batch normalisation (or none), ReLU."""
    x = layers.Conv2D(channels, size, padding=padding, kernel_regularizer=regularizer, name=name)(x)
    return _relu(_norm(x, name) if norm else x, name)


def _pool(x, name):
    return layers.MaxPooling2D(name=name)(x)


def _drop(x, name, rate=0.25):
    return layers.Dropout(rate, name=name)(x)


def _bare_conv(x, name, channels, size, *, stride=1):
    """Convolution without bias, batch normalisation."""
    return _norm(layers.Conv2D(channels, size, strides=stride, padding="same", use_bias=False, name=name)(x), name)


def build_simple(width=1.0):
    """The plain CNN of countless student projects: four convolutions, 2,345,607 parameters."""
    pixels, x = _open()
    x = _conv(x, "conv1", _scaled(32, width), norm=False, padding="valid")
    x = _conv(x, "conv2", _scaled(64, width), norm=False, padding="valid")
    x = _drop(_pool(x, "pool2"), "drop2")
    x = _pool(_conv(x, "conv3", _scaled(128, width), norm=False, padding="valid"), "pool3")
    x = _conv(x, "conv4", _scaled(128, width), norm=False, padding="valid")
    x = layers.Flatten(name="flatten")(_drop(_pool(x, "pool4"), "drop4"))
    x = layers.Dense(_scaled(1024, width), activation="relu", name="dense")(x)
    return _close(pixels, _drop(x, "drop_dense", 0.5), name="simple")


def build_oversampled(width=1.0):
    """The network behind the famous 81 %, which is a leak (notebook 02): five convolutions with batch normalisation."""
    pixels, x = _open()
    # The dropouts are made before their convolutions: so the runs in models/ drew their seeds.
    x = layers.Dropout(0.25, name="drop1")(_conv(x, "conv1", _scaled(32, width), padding="valid"))
    x = _pool(_conv(x, "conv2", _scaled(64, width)), "pool2")
    x = layers.Dropout(0.25, name="drop3")(_conv(x, "conv3", _scaled(64, width), padding="valid"))
    x = _pool(_conv(x, "conv4", _scaled(128, width)), "pool4")
    x = _pool(_conv(x, "conv5", _scaled(128, width), padding="valid"), "pool5")
    x = layers.Dense(_scaled(250, width), activation="relu", name="dense")(layers.Flatten(name="flatten")(x))
    return _close(pixels, _drop(x, "drop_dense", 0.5), name="oversampled")


def build_attention(width=1.0):
    """Four double-convolution blocks with a spatial attention gate after the second."""
    pixels, x = _open()
    l2 = regularizers.L2(5e-5)
    for block, channels in enumerate((64, 128, 256, 512), 1):
        for conv in (1, 2):
            x = _conv(x, f"block{block}_conv{conv}", _scaled(channels, width), regularizer=l2)
        if block < 4:
            x = _drop(_pool(x, f"block{block}_pool"), f"block{block}_drop")
        if block == 2:
            gate = layers.Conv2D(1, 1, activation="sigmoid", kernel_regularizer=l2, name="attention")(x)
            x = layers.Multiply(name="attend")([x, gate])
    x = _drop(layers.GlobalAveragePooling2D(name="average")(x), "drop_average", 0.5)
    x = layers.Dense(_scaled(512, width), activation="relu", kernel_regularizer=l2, name="dense")(x)
    return _close(pixels, _drop(_norm(x, "dense"), "drop_dense", 0.5), name="attention")


def build_augmented(width=1.0):
    """Wide convolutions and two dense layers, published with heavy augmentation."""
    pixels, x = _open()
    for block, (channels, size) in enumerate(((64, 3), (128, 5), (512, 3), (512, 3)), 1):
        x = _conv(x, f"conv{block}", _scaled(channels, width), size)
        x = _drop(_pool(x, f"pool{block}"), f"drop{block}")
    x = layers.Flatten(name="flatten")(x)
    for name, units in (("dense1", 256), ("dense2", 512)):
        x = _norm(layers.Dense(_scaled(units, width), name=name)(x), name)
        x = _drop(_relu(x, name), f"drop_{name}")
    return _close(pixels, x, name="augmented")


def build_mini_xception(width=1.0):
    """Depthwise-separable residual network of 58,423 parameters, the one inside the package `fer`.

    Arriaga, Valdenegro-Toro and Ploeger (2017), "Real-time Convolutional Neural Networks for Emotion and Gender
    Classification", arXiv:1710.07557. It looks at 64x64 pixels, so the face is enlarged first.
    """
    pixels, x = _open()
    x = layers.Resizing(64, 64, name="enlarge")(x)
    l2 = regularizers.L2(0.01)
    for name in ("stem1", "stem2"):
        x = layers.Conv2D(_scaled(8, width), 3, kernel_regularizer=l2, use_bias=False, name=name)(x)
        x = _relu(_norm(x, name), name)
    for block, channels in enumerate((16, 32, 64, 128), 1):
        name, channels = f"block{block}", _scaled(channels, width)
        # A 1x1 convolution of stride 2 in two steps: as one, it crashes TensorFlow 2.21 and torch 2.13 on some CPUs.
        shortcut = layers.MaxPooling2D(1, strides=2, padding="same", name=f"{name}_skip_pool")(x)
        shortcut = _bare_conv(shortcut, f"{name}_skip", channels, 1)
        x = _relu(_separable(x, f"{name}_conv1", channels, l2), f"{name}_conv1")
        x = _separable(x, f"{name}_conv2", channels, l2)
        x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    x = layers.Conv2D(len(EMOTIONS), 3, padding="same", name="emotions")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return Model(pixels, layers.Softmax(dtype="float32", name="probabilities")(x), name="mini_xception")


def _separable(x, name, channels, l2):
    regularized = dict(depthwise_regularizer=l2, pointwise_regularizer=l2)
    x = layers.SeparableConv2D(channels, 3, padding="same", use_bias=False, **regularized, name=name)(x)
    return _norm(x, name)


def build_compact(width=1.0):
    """Squeeze-excitation residual network of 1.4 million parameters with a strided stem; the demo's network."""
    return _build_residual("compact", ((48, 2), (96, 2), (176, 2)), width, dropout=0.2)


def build_micro(width=1.0):
    """As `build_compact`, in two stages and of fewer parameters than `mini_xception`."""
    return _build_residual("micro", ((16, 4), (32, 2)), width, dropout=0)


def build_best(width=1.0):
    """As `build_compact`, with a stem of stride 1, a stage more and wider ones: 3.1 million parameters."""
    return _build_residual("best", ((32, 1), (64, 2), (128, 3), (256, 2)), width, dropout=0.2, stem_stride=1)


def build_vgg(width=1.0):
    """Ten 3x3 convolutions in four blocks (Simonyan and Zisserman 2014, arXiv:1409.1556): 1.9 million parameters."""
    pixels, x = _open()
    for block, (channels, count) in enumerate(((32, 2), (64, 2), (128, 3), (256, 3)), 1):
        for number in range(1, count + 1):
            name = f"block{block}_conv{number}"
            x = _relu(_bare_conv(x, name, _scaled(channels, width), 3), name)
        if block < 4:
            x = _drop(_pool(x, f"block{block}_pool"), f"block{block}_drop", 0.1)
    x = _drop(layers.GlobalAveragePooling2D(name="average")(x), "drop_average", 0.4)
    return _close(pixels, x, name="vgg")


def _build_residual(name, stages, width, *, dropout, stem_stride=2):
    """Residual blocks (He et al. 2015, arXiv:1512.03385) with squeeze-excitation (Hu et al. 2017, arXiv:1709.01507).

    Each stage, of so many channels and blocks, works at half the resolution of the one before.
    """
    pixels, x = _open()
    x = _relu(_bare_conv(x, "stem", _scaled(stages[0][0], width), 3, stride=stem_stride), "stem")
    for stage, (channels, blocks) in enumerate(stages, 1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _residual_block(x, f"stage{stage}_block{block}", _scaled(channels, width), stride=stride)
    x = _drop(layers.GlobalAveragePooling2D(name="average")(x), "drop_average", dropout)
    return _close(pixels, x, name=name)


def _residual_block(x, name, channels, *, stride):
    shortcut = x
    if stride > 1:
        shortcut = layers.AveragePooling2D(stride, name=f"{name}_skip_pool")(x)
        shortcut = _bare_conv(shortcut, f"{name}_skip", channels, 1)
    x = _relu(_bare_conv(x, f"{name}_conv1", channels, 3, stride=stride), f"{name}_conv1")
    x = _bare_conv(x, f"{name}_conv2", channels, 3)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    squeezed = layers.Conv2D(max(1, channels // 8), 1, activation="relu", name=f"{name}_reduce")(squeezed)
    gate = layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_excite")(squeezed)
    x = layers.Multiply(name=f"{name}_scale")([x, gate])
    return _relu(layers.Add(name=f"{name}_add")([x, shortcut]), name)


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
    "vgg": build_vgg,
}
"""Builders by name: `MODELS["simple"]()`."""


def count_multiply_adds(network):
    """Multiplications with additions that a Keras network spends on one face, in convolutions and dense layers."""
    total = 0
    for layer in network.layers:
        if kernels := [weight for weight in layer.weights if "kernel" in weight.name]:  # two of a separable convolution
            places = math.prod(layer.output.shape[1:]) // kernels[-1].shape[-1]
            total += places * sum(math.prod(kernel.shape) for kernel in kernels)
    return total
