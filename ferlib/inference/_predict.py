"""Photo -> detections, aligned crops, probabilities: one path for notebook, command line and widget.

Networks run in LiteRT, so prediction needs no TensorFlow.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ferlib import config
from ferlib.config import COARSE, DEMO_RUN, EMOTIONS, IMAGE_SIZE
from ferlib.evaluation import adjust_logits, apply_temperature, read_metadata
from ferlib.inference._detect import Detection, crop_face, detect_faces
from ferlib.inference._litert import Network, cores
from ferlib.inference._photos import read_photo

CONFIDENCE_THRESHOLD = 0.5
"""Calibrated probability from which an emotion is named: below it, it would be wrong more often than right."""

READINGS = {"fer2013": "as FER2013 labels faces", "ferplus": "as most people would say"}
"""Whose answers a network gives, by the labels that it learned."""

FIELDS = ("x", "y", "width", "height", "score", "predicted", "coarse", *EMOTIONS)
"""Columns that tables have for a `FacePrediction`."""

BATCH_SIZE = 32  # the fastest of 4 to 256 here, and it bounds the memory of thousands of images


@dataclass(frozen=True, eq=False, kw_only=True)
class FacePrediction(Detection):
    """A `Detection`, and what the network predicts for it.

    Attributes
    ----------
    crop : (48, 48) uint8
        What the network saw.
    probabilities : (7,) float32
        In the order of `EMOTIONS`, calibrated on PublicTest, sum 1.
    answer : str or None
        An emotion or "not sure", where a `Tracker` knows better than this frame alone: it counts instead.
    """

    crop: np.ndarray
    probabilities: np.ndarray
    answer: str | None = None

    @property
    def emotion(self):
        """The likeliest emotion."""
        return self.answer if self.answer in EMOTIONS else EMOTIONS[self.probabilities.argmax()]

    @property
    def predicted(self):
        """`emotion`, or "not sure" where its probability is below `CONFIDENCE_THRESHOLD`."""
        return self.answer or (self.emotion if self.probabilities.max() >= CONFIDENCE_THRESHOLD else "not sure")

    @property
    def coarse(self):
        """The coarse class in `config.COARSE` of what is predicted; if "not sure", the likeliest."""
        shares = {
            name: (self.predicted in group, sum(self.probabilities[EMOTIONS.index(e)] for e in group))
            for name, group in COARSE.items()
        }
        return max(shares, key=shares.get)

    def as_row(self):
        """The prediction as a table's row: dict with the keys `FIELDS`."""
        values = (*self.box, self.score, self.predicted, self.coarse, *map(float, self.probabilities))
        return dict(zip(FIELDS, values, strict=True))


class Predictor:
    """The network of the run `name`, which predicts the emotions in photos; made by `load_predictor`.

    `metadata` is the run's `ferlib.evaluation.Metadata`; `logit_adjustment` is that of `load_predictor`. Threads may
    share a predictor.
    """

    def __init__(self, name, network, metadata, logit_adjustment=None):
        self.name = name
        self.metadata = metadata
        self.logit_adjustment = metadata.logit_adjustment if logit_adjustment is None else logit_adjustment
        if self.logit_adjustment and not metadata.prior:
            raise ValueError(f"run {name}: how common the emotions were in its training is not known")
        self._network = Network(network, threads=cores())
        shapes = [self._network.input_shape, *self._network.output_shapes]
        expected = [(IMAGE_SIZE, IMAGE_SIZE, 1), (len(EMOTIONS),)]
        if shapes != expected:
            raise ValueError(f"run {name}: its network maps {shapes[0]} to {shapes[1]}, expected {expected}")

    def __repr__(self):
        return f"Predictor({self.name!r})"

    @property
    def reading(self):
        """Whose answers these are, in a few words."""
        return READINGS[self.metadata.config.labels]

    def __call__(self, photo, *, min_face=48):
        """Find the faces in a photo and predict their emotions.

        Parameters
        ----------
        photo : (H, W, 3) uint8, str, Path or bytes
            An RGB array, or what `read_photo` takes and raises.
        min_face : int
            As `detect_faces` takes it.

        Returns
        -------
        list of FacePrediction
            Left to right; empty if there is no face in the photo.
        """
        if not isinstance(photo, np.ndarray):
            photo = read_photo(photo)
        detections = detect_faces(photo, min_face=min_face)
        if not detections:
            return []
        crops = np.stack([crop_face(photo, detection) for detection in detections])
        return [
            FacePrediction(**vars(detection), crop=crop, probabilities=row)
            for detection, crop, row in zip(detections, crops, self.predict_images(crops), strict=True)
        ]

    def predict_images(self, images):
        """Probabilities of the seven emotions for faces that are already cut out.

        Parameters
        ----------
        images : (N, 48, 48) uint8
            Grey, pixels 0..255, as FER2013 has them; ValueError if they have another shape or type.

        Returns
        -------
        (N, 7) float32
            In the order of `EMOTIONS`; every row sums to 1.
        """
        images = np.asarray(images)
        # pictures scaled to 0..1 would be black to the network, and every face the same emotion
        if images.ndim != 3 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or images.dtype != np.uint8:
            raise ValueError(f"images are {images.shape} {images.dtype}: expected (N, 48, 48) uint8, 0..255")
        batches = [images[i : i + BATCH_SIZE, ..., None] for i in range(0, len(images), BATCH_SIZE)]
        rows = [self._network(batch)[0] for batch in batches]
        probabilities = np.concatenate(rows) if rows else np.empty((0, len(EMOTIONS)), np.float32)
        if self.metadata.temperature != 1:
            probabilities = apply_temperature(probabilities, self.metadata.temperature)
        if self.logit_adjustment:
            probabilities = adjust_logits(probabilities, self.metadata.prior, self.logit_adjustment)
        return probabilities


def load_predictor(name=DEMO_RUN, *, models_dir=None, logit_adjustment=None):
    """The `Predictor` of a trained run.

    Parameters
    ----------
    name : str
        A run folder in `models_dir`.
    models_dir : str or Path, optional
        By default `config.MODELS_DIR`, or `config.PACKAGED_MODELS_DIR` if the run is only there.
    logit_adjustment : float, optional
        How common the emotions are expected to be, in [0, 1]: at 0 as common as in the pictures that the network
        learned from, which suits a talk, where nobody is disgusted every seventh second; at 1 all seven alike, which
        suits acted faces. By default what the run says.

    Raises
    ------
    FileNotFoundError
        If there is no such run, or it lacks a file.
    ValueError
        If its metadata is damaged, was made for other emotions or another input, or its network was changed.
    """
    metadata, network = read_network(name, models_dir)
    return Predictor(name, network, metadata, logit_adjustment)


def read_network(name, models_dir=None):
    """The `Metadata` of a run and the bytes of its network, as `load_predictor` takes and raises."""
    if models_dir is None:
        places = (config.MODELS_DIR, config.PACKAGED_MODELS_DIR)
        folders = [folder for folder in places if folder.is_dir()] or places
        holding = [folder for folder in folders if (folder / name / "metadata.json").is_file()]
        models_dir = (holding or folders)[0]
    folder = Path(models_dir) / name
    usable = ", ".join(sorted(path.parent.name for path in folder.parent.glob("*/model.tflite"))) or "none"
    cure = f"train it, or name another (usable runs there: {usable})"
    if not (folder / "metadata.json").is_file():
        raise FileNotFoundError(f"no run {name!r} in {folder.parent}: {cure}")
    metadata = read_metadata(folder)
    network = folder / (metadata.network or "model.tflite")
    if not network.is_file():
        raise FileNotFoundError(f"{network}: the run comes without its network: {cure}")
    content = network.read_bytes()
    if hashlib.sha256(content).hexdigest() != metadata.network_sha256:
        raise ValueError(f"{network} is not the network that metadata.json describes (sha256): export the run again")
    return metadata, content
