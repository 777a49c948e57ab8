"""Widgets over `predict`: read the faces of a photo, or of a camera, and see how the answer came about.

They hold no logic. Photos, frames and answers travel as custom messages and never enter a widget's state,
so a saved notebook holds no face.
"""

import threading
import time
from dataclasses import replace
from pathlib import Path

import anywidget
import cv2
import ipywidgets
import traitlets

from ferlib.annotate import draw_heat
from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.explain import occlusion_map
from ferlib.photos import read_photo, sample_photo
from ferlib.predict import load_predictor
from ferlib.robustness import change_face
from ferlib.runs import list_networks
from ferlib.video import Tracker

STATIC_DIR = Path(__file__).parent / "static"

SLIDERS = (
    {"name": "blur", "change": "blur", "unit": "px", "low": 0, "high": 3, "step": 0.25, "usual": 0},
    {"name": "light", "change": "too dark", "unit": "×", "low": 0.1, "high": 3, "step": 0.1, "usual": 1},
    {"name": "rotation", "change": "rotation", "unit": "degrees", "low": 0, "high": 45, "step": 5, "usual": 0},
    {"name": "noise", "change": "noise", "unit": "grey levels", "low": 0, "high": 50, "step": 5, "usual": 0},
    {"name": "occlusion", "change": "occlusion", "unit": "px", "low": 0, "high": 32, "step": 2, "usual": 0},
)
"""Ways to spoil a face: `change` is a name in `ferlib.robustness.CORRUPTIONS`; at `usual` the face is as it was."""


def _read_module(name):
    # one text, because a browser cannot resolve an import between modules that anywidget hands it as text
    return "\n".join((STATIC_DIR / file).read_text(encoding="utf-8") for file in ("common.js", name))


def _encode(rgb, kind):
    pixels = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR) if rgb.ndim == 3 else rgb
    return cv2.imencode(kind, pixels)[1].tobytes()


class _Session:
    """What the tabs of one demo share: who predicts, and the photo or frame read last, with its faces."""

    def __init__(self, predictor):
        self.predictor, self.photo, self.faces = predictor, None, []

    def read(self, photo):
        """The faces of a photo; a photo without any does not take the place of the last one."""
        faces = self.predictor(photo)
        if faces:
            self.photo, self.faces = photo, faces
        return faces


class _View(anywidget.AnyWidget):
    """Answers a page's messages: {"kind", "id"} and at most one picture in, the same id and the answer out."""

    _css = STATIC_DIR / "demo.css"
    emotions = traitlets.List(list(EMOTIONS)).tag(sync=True)
    colors = traitlets.Dict(EMOTION_COLORS).tag(sync=True)

    def __init__(self, session, **traits):
        super().__init__(**traits)
        self._session = session
        # ipykernel 7 handles the first messages on the main thread and later ones on another
        self._lock = threading.Lock()
        self.on_msg(self._answer)

    def __repr__(self):
        # without a memory address, so that an executed notebook does not change from run to run
        return f"{type(self).__name__}({self._session.predictor!r})"

    def _answer(self, _, message, buffers):
        try:
            with self._lock:
                answer, pictures = self._read(message, buffers)
        except Exception as error:
            # an exception would vanish in the kernel: the page shows it instead
            known = isinstance(error, (ValueError, OSError))
            text = str(error) if known else f"The kernel failed: {type(error).__name__}: {error}"
            answer, pictures = {"kind": "error", "text": text[:1].upper() + text[1:]}, []
        self.send({**answer, "id": message.get("id")}, pictures)

    def _read(self, message, buffers):
        """Message and pictures of the answer."""
        raise NotImplementedError


def _describe(face):
    return {
        "box": [int(value) for value in face.box],
        "emotion": face.emotion,
        "answer": face.answer,
        "mood": face.mood,
        "probabilities": [float(value) for value in face.probabilities],
    }


class _PhotoView(_View):
    _esm = _read_module("upload.js")

    def _read(self, message, buffers):
        """Answer "photo" or, without a picture, "sample"; the pictures are the crops, then the photo if asked for."""
        photo = read_photo(bytes(buffers[0])) if message["kind"] == "photo" else sample_photo()
        faces = self._session.read(photo)
        pictures = [_encode(face.crop, ".png") for face in faces]
        if message.get("return_photo"):
            pictures.append(_encode(photo, ".jpg"))
        return {"kind": "faces", "faces": [_describe(face) for face in faces]}, pictures


class _CameraView(_View):
    _esm = _read_module("camera.js")

    def __init__(self, session):
        super().__init__(session)
        self._tracker = Tracker()

    def _read(self, message, buffers):
        """Answer "frame": the faces, each with the number of its person, smoothed over time."""
        faces = self._session.read(read_photo(bytes(buffers[0])))
        persons = self._tracker.update(faces, time.monotonic())
        return {"kind": "faces", "faces": [{"person": number, **_describe(face)} for number, face in persons]}, []


class _StepsView(_View):
    _esm = _read_module("steps.js")
    sliders = traitlets.List(list(SLIDERS)).tag(sync=True)
    networks = traitlets.List().tag(sync=True)
    network = traitlets.Unicode().tag(sync=True)

    def __init__(self, session):
        super().__init__(session, networks=list_networks(), network=session.predictor.name)

    def _read(self, message, buffers):
        """Answer "photo", the one read last, or "steps" of a face: its crop, that spoiled, where the network looked."""
        session = self._session
        if message["network"] != session.predictor.name:
            session.predictor = load_predictor(message["network"])
        if not session.faces:
            session.read(sample_photo())
        if message["kind"] == "photo":
            boxes = [[int(value) for value in face.box] for face in session.faces]
            return {"kind": "photo", "boxes": boxes}, [_encode(session.photo, ".jpg")]
        face, predict_images = session.faces[message["face"]], session.predictor.predict_images
        crop = change_face(face.crop, message["changes"])
        spoiled = replace(face, crop=crop, probabilities=predict_images(crop[None])[0])
        steps = face.crop, crop, draw_heat(crop, occlusion_map(predict_images, crop, step=4))
        return {"kind": "steps", "face": _describe(spoiled)}, [_encode(picture, ".png") for picture in steps]


def upload_view(predictor):
    """A widget that reads a photo: click, drop or paste one. A sample is there at once.

    Parameters
    ----------
    predictor : Predictor
        As `load_predictor` gives it.

    Returns
    -------
    anywidget.AnyWidget
    """
    return _PhotoView(_Session(predictor))


def camera_view(predictor):
    """A widget that reads the faces in front of the camera of the reader's own computer.

    Parameters
    ----------
    predictor : Predictor
        As `load_predictor` gives it.

    Returns
    -------
    anywidget.AnyWidget
    """
    return _CameraView(_Session(predictor))


def demo(predictor=None):
    """Photo, camera, and how the answer came about, as tabs.

    Parameters
    ----------
    predictor : Predictor, optional
        By default `load_predictor()`.

    Returns
    -------
    ipywidgets.Tab

    Raises
    ------
    FileNotFoundError, ValueError
        If the default run is missing or damaged.
    """
    session = _Session(predictor or load_predictor())
    tabs = ipywidgets.Tab([_PhotoView(session), _CameraView(session), _StepsView(session)])
    tabs.titles = ("Photo", "Camera", "How it works")
    return tabs
