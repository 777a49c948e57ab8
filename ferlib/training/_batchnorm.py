"""Batch normalisation in one kernel, which TensorFlow on a CPU trains about twice as fast; statistics measured anew.

Keras composes batch normalisation from a dozen operations, each a walk through memory. The networks of `MODELS` keep
Keras' own layer; `use_fused_batchnorm` puts this one in its place while TensorFlow trains, and the weights go back.
"""

import keras
import numpy as np


class FusedNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation of feature maps (N, H, W, C), in training as one operation of TensorFlow.

    The moving variance is fed the unbiased variance of a batch, as everywhere but in Keras 3.
    """

    def call(self, inputs, training=None, mask=None):
        if not training or len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        from tensorflow.compat.v1.nn import fused_batch_norm

        # In bfloat16 the kernel is fast for multiples of 16 channels only, in float32 for all.
        fast = self.compute_dtype if inputs.shape[-1] % 16 == 0 else "float32"
        normed, mean, variance = fused_batch_norm(
            keras.ops.cast(inputs, fast), self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
        )
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return keras.ops.cast(normed, self.compute_dtype)


def use_fused_batchnorm(network):
    """A copy of a network that trains faster, newly initialised; the network itself where that cannot be had.

    The weights of the one fit the other.
    """

    def fuse(layer):
        kind = FusedNormalization if type(layer) is keras.layers.BatchNormalization else type(layer)
        return kind.from_config(layer.get_config())

    if keras.config.backend() != "tensorflow" or keras.config.image_data_format() == "channels_first":
        return network
    return keras.models.clone_model(network, clone_function=fuse)


def recalibrate_batchnorm(network, images, *, count=20, batch_size=128):
    """Measure the statistics of batch normalisation anew, with the weights as they are, on `count` batches of images.

    Izmailov et al. (2018), "Averaging Weights Leads to Wider Optima and Better Generalization", arXiv:1803.05407.
    """
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    rows = np.linspace(0, len(images) - 1, min(len(images), count * batch_size)).astype(int)
    for done, batch in enumerate(np.array_split(rows, -(-len(rows) // batch_size))):
        for norm in norms:
            norm.momentum = done / (done + 1)  # so that all batches count alike
        network(images[batch].astype("float32"), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
