"""Widgets over `predict`: read the faces of a photo, or of a camera, in JupyterLab.

They hold no logic. Photos, frames and answers travel as custom messages and never enter a widget's state,
so a saved notebook holds no face.
"""

import threading
from pathlib import Path

import anywidget
import cv2
import ipywidgets
import traitlets

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.photos import read_photo, sample_photo
from ferlib.predict import load_predictor

STATIC_DIR = Path(__file__).parent / "static"


def _read_module(name):
    # one text, because a browser cannot resolve an import between modules that anywidget hands it as text
    return "\n".join((STATIC_DIR / file).read_text(encoding="utf-8") for file in ("common.js", name))


def _encode(rgb, kind):
    pixels = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR) if rgb.ndim == 3 else rgb
    return cv2.imencode(kind, pixels)[1].tobytes()


class _PredictorView(anywidget.AnyWidget):
    """Answers a page's messages: {"kind", "id"} and at most one picture in, the same id and the faces out."""

    _css = STATIC_DIR / "demo.css"
    emotions = traitlets.List(list(EMOTIONS)).tag(sync=True)
    colors = traitlets.Dict(EMOTION_COLORS).tag(sync=True)

    def __init__(self, predictor):
        super().__init__()
        self._predictor = predictor
        # ipykernel 7 handles the first messages on the main thread and later ones on another
        self._lock = threading.Lock()
        self.on_msg(self._answer)

    def __repr__(self):
        # without a memory address, so that an executed notebook does not change from run to run
        return f"{type(self).__name__}({self._predictor!r})"

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
        faces = self._predictor(read_photo(bytes(buffers[0])))
        return {"kind": "faces", "faces": [_describe(face) for face in faces]}, []


def _describe(face):
    return {
        "box": [int(value) for value in face.box],
        "emotion": face.emotion,
        "answer": face.answer,
        "mood": face.mood,
        "probabilities": [float(value) for value in face.probabilities],
    }


class _UploadView(_PredictorView):
    _esm = _read_module("upload.js")

    def _read(self, message, buffers):
        """Answer "photo" or, without a picture, "sample"; the pictures are the crops, then the photo if asked for."""
        photo = read_photo(bytes(buffers[0])) if message["kind"] == "photo" else sample_photo()
        faces = self._predictor(photo)
        pictures = [_encode(face.crop, ".png") for face in faces]
        if message.get("return_photo"):
            pictures.append(_encode(photo, ".jpg"))
        return {"kind": "faces", "faces": [_describe(face) for face in faces]}, pictures


class _CameraView(_PredictorView):
    _esm = _read_module("camera.js")


def upload_view(predictor):
    """A widget that reads a photo: click, drop or paste one. A sample is there at once.

    Parameters
    ----------
    predictor : callable
        Photo to list of `ferlib.predict.FacePrediction`, as `load_predictor` gives it.

    Returns
    -------
    anywidget.AnyWidget
    """
    return _UploadView(predictor)


def camera_view(predictor):
    """A widget that reads the faces in front of the camera of the reader's own computer.

    Parameters
    ----------
    predictor : callable
        Photo to list of `ferlib.predict.FacePrediction`, as `load_predictor` gives it.

    Returns
    -------
    anywidget.AnyWidget
    """
    return _CameraView(predictor)


def demo(predictor=None):
    """Both views, as tabs.

    Parameters
    ----------
    predictor : callable, optional
        Photo to list of `ferlib.predict.FacePrediction`; by default `load_predictor()`.

    Returns
    -------
    ipywidgets.Tab

    Raises
    ------
    FileNotFoundError, ValueError
        If the default run is missing or damaged.
    """
    predictor = predictor or load_predictor()
    tabs = ipywidgets.Tab([upload_view(predictor), camera_view(predictor)])
    tabs.titles = ("Photo", "Camera")
    return tabs
