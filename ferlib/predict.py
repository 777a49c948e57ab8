"""Photo -> the faces in it and what they show: one path for notebook, command line and widget.

Prediction runs the exported network with LiteRT, so it needs no TensorFlow.
"""

import contextlib
import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ferlib.config import DEMO_RUN, EMOTIONS, IMAGE_SIZE, MODELS_DIR
from ferlib.evaluate import apply_temperature
from ferlib.faces import crop_face, detect_faces, read_photo
from ferlib.runs import list_runs

INPUT = {"height": IMAGE_SIZE, "width": IMAGE_SIZE, "channels": 1, "low": 0, "high": 255}
"""What a network must expect: grey 48x48 images with pixels 0..255. Any rescaling is inside it."""

BATCH_SIZE = 256  # bounds the memory of a prediction on thousands of images


@dataclass(frozen=True, eq=False)
class FacePrediction:
    """A face in a photo, and what the network reads in it.

    Attributes
    ----------
    box : tuple of int
        (x, y, width, height) in pixels of the upright photo.
    crop : (48, 48) uint8
        What the network saw.
    probabilities : (7,) float32
        In the order of `EMOTIONS`, sum 1.
    emotion : str
        The likeliest one.
    """

    box: tuple[int, int, int, int]
    crop: np.ndarray
    probabilities: np.ndarray
    emotion: str


class Predictor:
    """A trained network that reads photos; made by `load_predictor`. Threads may share it.

    Attributes
    ----------
    name : str
        Of the run.
    bundle : dict
        The run's `bundle.json`.
    """

    def __init__(self, name, network, bundle):
        from ai_edge_litert.interpreter import Interpreter

        self.name = name
        self.bundle = bundle
        self._temperature = float(bundle["temperature"])
        self._lock = threading.Lock()
        self._network = network  # LiteRT reads these bytes as long as it lives
        with _quiet_stderr():
            self._interpreter = Interpreter(model_content=network)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self._batch = int(self._input["shape"][0])
        shapes = [tuple(int(n) for n in tensor["shape"][1:]) for tensor in (self._input, self._output)]
        expected = [(IMAGE_SIZE, IMAGE_SIZE, 1), (len(EMOTIONS),)]
        if shapes != expected:
            raise ValueError(f"run {self.name}: its network maps {shapes[0]} to {shapes[1]}, expected {expected}")

    def __repr__(self):
        return f"Predictor({self.name!r})"

    def __call__(self, photo, *, detector="haar"):
        """Read every face in a photo.

        Parameters
        ----------
        photo : (H, W, 3) uint8, str, Path or bytes
            An RGB array, a file, or a file's content.
        detector : str
            As for `ferlib.faces.detect_faces`.

        Returns
        -------
        list of FacePrediction
            Left to right; empty if there is no face in the photo.

        Raises
        ------
        FileNotFoundError, ValueError
            If the photo cannot be read.
        """
        if not isinstance(photo, np.ndarray):
            photo = read_photo(photo)
        boxes = [face.box for face in detect_faces(photo, detector=detector)]
        if not boxes:
            return []
        crops = np.stack([crop_face(photo, box) for box in boxes])
        return [
            FacePrediction(box, crop, row, EMOTIONS[row.argmax()])
            for box, crop, row in zip(boxes, crops, self.predict_images(crops), strict=True)
        ]

    def predict_images(self, images):
        """Probabilities of the seven emotions for faces that are already cut out.

        Parameters
        ----------
        images : (N, 48, 48) uint8
            Grey, pixels 0..255, as FER2013 has them.

        Returns
        -------
        (N, 7) float32
            In the order of `EMOTIONS`; every row sums to 1.

        Raises
        ------
        ValueError
            If the images have another shape or type.
        """
        images = np.asarray(images)
        # a picture scaled to 0..1 would be read as black, and every face as the same emotion
        if images.ndim != 3 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or images.dtype != np.uint8:
            raise ValueError(f"images are {images.shape} {images.dtype}: expected (N, 48, 48) uint8, 0..255")
        rows = [self._run(images[i : i + BATCH_SIZE]) for i in range(0, len(images), BATCH_SIZE)]
        probabilities = np.concatenate(rows) if rows else np.empty((0, len(EMOTIONS)), np.float32)
        return probabilities if self._temperature == 1 else apply_temperature(probabilities, self._temperature)

    def _run(self, batch):
        with self._lock:
            if len(batch) != self._batch:
                shape = (len(batch), IMAGE_SIZE, IMAGE_SIZE, 1)
                self._interpreter.resize_tensor_input(self._input["index"], shape)
                self._interpreter.allocate_tensors()
                self._batch = len(batch)
            self._interpreter.set_tensor(self._input["index"], batch[..., None].astype(np.float32))
            self._interpreter.invoke()
            return self._interpreter.get_tensor(self._output["index"])


def load_predictor(name=DEMO_RUN, *, models_dir=MODELS_DIR):
    """The network of a trained run, ready to read photos.

    Parameters
    ----------
    name : str
        A run folder in `models_dir`.
    models_dir : str or Path

    Returns
    -------
    Predictor

    Raises
    ------
    FileNotFoundError
        If there is no such run, or it lacks a file.
    ValueError
        If its bundle is damaged, was made for other emotions or another input, or its network was changed.
    """
    models_dir = Path(models_dir)
    path = models_dir / name / "bundle.json"
    if not path.exists():
        runs = ", ".join(list_runs(models_dir)) or "none"
        raise FileNotFoundError(f"no run {name!r} in {models_dir} (runs there: {runs}): train it, or name another")
    try:
        bundle = json.loads(path.read_text(encoding="utf-8"))
        emotions, expected_input = tuple(bundle["emotions"]), bundle["input"]
        network, digest = path.parent / bundle["network"], bundle["network_sha256"]
        temperature = float(bundle["temperature"])
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}): export the run again") from error
    except KeyError as error:
        raise ValueError(f"{path} lacks {error}: export the run again") from error
    if emotions != EMOTIONS:
        raise ValueError(f"{path}: emotions {' '.join(map(str, emotions))}, expected {' '.join(EMOTIONS)}")
    if expected_input != INPUT:
        raise ValueError(f"{path}: input {expected_input}, expected {INPUT}")
    if not 0 < temperature < float("inf"):
        raise ValueError(f"{path}: temperature {temperature}, expected more than 0")
    if not network.exists():
        raise FileNotFoundError(f"{network}: the run comes without its network: train it again, or name another run")
    content = network.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{network} is not the network that {path.name} describes (sha256): export the run again")
    return Predictor(name, content, bundle)


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
