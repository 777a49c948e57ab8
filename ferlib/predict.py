"""Photo -> the faces in it and what they show: one path for notebook, command line and widget.

Prediction runs the exported network with LiteRT, so it needs no TensorFlow.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ferlib.config import COARSE, DEMO_RUN, EMOTIONS, IMAGE_SIZE, MODELS_DIR
from ferlib.evaluate import apply_temperature
from ferlib.faces import crop_face, detect_faces
from ferlib.litert import Network
from ferlib.photos import read_photo
from ferlib.runs import list_runs

INPUT = {"height": IMAGE_SIZE, "width": IMAGE_SIZE, "channels": 1, "low": 0, "high": 255}
"""What a network must expect: grey 48x48 images with pixels 0..255. Any rescaling is inside it."""

SURE = 0.5
"""Calibrated probability from which an answer is given: below it, the answer is wrong more often than right."""

BATCH_SIZE = 32  # the fastest of 4 to 256 here, and it bounds the memory of thousands of images


@dataclass(frozen=True, eq=False)
class FacePrediction:
    """A face in a photo, and what the network reads in it.

    Attributes
    ----------
    box : tuple of int
        (x, y, width, height) in pixels of the upright photo.
    keypoints : (4, 2) float or None
        As in `ferlib.faces.Face`.
    crop : (48, 48) uint8
        What the network saw.
    probabilities : (7,) float32
        In the order of `EMOTIONS`, calibrated on PublicTest, sum 1.
    """

    box: tuple[int, int, int, int]
    keypoints: np.ndarray | None
    crop: np.ndarray
    probabilities: np.ndarray

    @property
    def emotion(self):
        """The likeliest emotion."""
        return EMOTIONS[self.probabilities.argmax()]

    @property
    def answer(self):
        """`emotion`, or "not sure" where its probability is below `SURE`."""
        return self.emotion if self.probabilities.max() >= SURE else "not sure"

    @property
    def mood(self):
        """The likeliest of positive, neutral, negative and surprise: probabilities added up as in `config.COARSE`."""
        shares = {mood: sum(self.probabilities[EMOTIONS.index(e)] for e in group) for mood, group in COARSE.items()}
        return max(shares, key=shares.get)


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
        self.name = name
        self.bundle = bundle
        self._temperature = float(bundle["temperature"])
        self._network = Network(network, threads=min(4, os.cpu_count() or 1))
        shapes = [self._network.input_shape, *self._network.output_shapes]
        expected = [(IMAGE_SIZE, IMAGE_SIZE, 1), (len(EMOTIONS),)]
        if shapes != expected:
            raise ValueError(f"run {self.name}: its network maps {shapes[0]} to {shapes[1]}, expected {expected}")

    def __repr__(self):
        return f"Predictor({self.name!r})"

    def __call__(self, photo, **options):
        """Read every face in a photo.

        Parameters
        ----------
        photo : (H, W, 3) uint8, str, Path or bytes
            An RGB array, a file, or a file's content.
        **options
            Of `ferlib.faces.detect_faces`: detector, min_face.

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
        faces = detect_faces(photo, **options)
        if not faces:
            return []
        crops = np.stack([crop_face(photo, face) for face in faces])
        return [
            FacePrediction(face.box, face.keypoints, crop, row)
            for face, crop, row in zip(faces, crops, self.predict_images(crops), strict=True)
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
        batches = [images[i : i + BATCH_SIZE, ..., None] for i in range(0, len(images), BATCH_SIZE)]
        rows = [self._network(batch)[0] for batch in batches]
        probabilities = np.concatenate(rows) if rows else np.empty((0, len(EMOTIONS)), np.float32)
        return probabilities if self._temperature == 1 else apply_temperature(probabilities, self._temperature)


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
