"""Networks in the exported form: LiteRT runs them, without TensorFlow and from any thread."""

import contextlib
import os
import threading

import numpy as np


class Network:
    """A `.tflite` network with one input. Threads may share it.

    Attributes
    ----------
    input_shape : tuple of int
        Of one item, without the batch.
    output_shapes : list of tuple of int
    """

    def __init__(self, content, *, threads=1):
        from ai_edge_litert.interpreter import Interpreter

        self._content = content  # LiteRT reads these bytes as long as it lives
        self._lock = threading.Lock()
        with _quiet_stderr():
            self._interpreter = Interpreter(model_content=content, num_threads=threads)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()
        self._batch = int(self._input["shape"][0])
        self.input_shape = _shape(self._input)
        self.output_shapes = [_shape(output) for output in self._outputs]

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


def _shape(tensor):
    return tuple(int(n) for n in tensor["shape"][1:])


@contextlib.contextmanager
def _quiet_stderr():
    """Hide what LiteRT's C++ writes past Python ("INFO: Created ... delegate"), an alarm to most readers."""
    saved = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
