"""Exported networks, run by LiteRT: without TensorFlow, and from any thread."""

import os
import threading

import numpy as np

from ferlib._quiet import quiet_stderr

CORES = min(4, os.cpu_count() or 1)
"""Threads that detecting and predicting take."""

_thread = threading.local()


def use_one_core():
    """Let this thread detect and predict on one core, because others do so beside it."""
    _thread.cores = 1


def cores():
    """How many cores this thread detects and predicts on."""
    return getattr(_thread, "cores", CORES)


class Network:
    """A `.tflite` network with one input. Threads may share it.

    Attributes
    ----------
    input_shape, output_shapes : tuple of int, list of tuple of int
        Of one item, without the batch.
    """

    def __init__(self, content, *, threads=1):
        from ai_edge_litert.interpreter import Interpreter

        self._lock = threading.Lock()
        with quiet_stderr():  # "INFO: Created TensorFlow Lite XNNPACK delegate", an alarm to most readers
            self._interpreter = Interpreter(model_content=content, num_threads=threads)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()
        self._batch = int(self._input["shape"][0])
        shapes = [tuple(tensor["shape"][1:].tolist()) for tensor in (self._input, *self._outputs)]
        self.input_shape, *self.output_shapes = shapes

    def __call__(self, batch):
        """Outputs, a list of (N, ...) arrays, for a batch (N, *input_shape) float32."""
        with self._lock:
            if len(batch) != self._batch:
                self._interpreter.resize_tensor_input(self._input["index"], (len(batch), *self.input_shape))
                self._interpreter.allocate_tensors()
                self._batch = len(batch)
            self._interpreter.set_tensor(self._input["index"], np.asarray(batch, np.float32))
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(output["index"]) for output in self._outputs]
