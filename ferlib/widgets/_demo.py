"""The demo: predictions for a photo or a camera, and how a prediction came about. It holds no logic."""

import time
from dataclasses import replace

import anywidget
import cv2
import ipywidgets
import traitlets
from IPython.display import HTML, display

from ferlib.config import DEMO_RUN, EMOTION_COLORS, EMOTIONS
from ferlib.evaluation import apply_corruptions, list_networks, occlusion_map
from ferlib.inference import READINGS, Tracker, draw_heat, load_predictor, read_photo, sample_photo
from ferlib.widgets._reader import Reader
from ferlib.widgets._view import View, encode_picture, read_static

SLIDERS = (
    {"name": "blur", "change": "blur", "unit": "px", "low": 0, "high": 3, "step": 0.25, "usual": 0},
    {"name": "light", "change": "too dark", "unit": "×", "low": 0.1, "high": 3, "step": 0.1, "usual": 1},
    {"name": "rotation", "change": "rotation", "unit": "degrees", "low": 0, "high": 45, "step": 5, "usual": 0},
    {"name": "noise", "change": "noise", "unit": "grey levels", "low": 0, "high": 50, "step": 5, "usual": 0},
    {"name": "occlusion", "change": "occlusion", "unit": "px", "low": 0, "high": 32, "step": 2, "usual": 0},
)
"""Ways to corrupt a face: `change` is a name in `CORRUPTIONS`; at `usual` the face is as it was."""

PROMISES = {
    "kernel": "Frames go to this notebook's kernel only and are not stored.",
    "browser": "Your camera's pictures do not leave this device, and are not stored.",
}
"""What the camera's view says of its pictures, by who reads them."""

NOTE = """
<style>
  .ferlib-note { animation: ferlib-note 1ms 2s backwards; }
  @keyframes ferlib-note { from { visibility: hidden; } }
  .jp-OutputArea-child:has(.ferlib-note):has(+ * .ferlib),
  .jp-OutputArea-child:has(.ferlib-note) + :has(.jupyter-widgets):not(:has(.ferlib)) { display: none; }
</style>
<p class="ferlib-note">If no demo runs below, choose Run All Cells in the menu Run.</p>
"""
"""Seen where the demo should be and is not: a saved notebook has no widget, and JupyterLab an error in its place."""

LONGEST_SIDE = 1600  # pixels of a photo that is sent to the page


class Session:
    """What the tabs of one demo share: the predictor, and the latest photo or frame with a face, with its faces.

    With a `reader` the browser has all this, and the kernel is not asked.
    """

    def __init__(self, predictor, reader=None):
        self.predictor, self.reader, self.photo, self.faces = predictor, reader, None, []

    @property
    def reading(self):
        """Whose answers these are, in a few words."""
        return getattr(self.predictor, "reading", "")

    def predict(self, photo):
        """The faces of a photo; a photo without any does not take the place of the latest one."""
        faces = self.predictor(photo)
        if faces:
            self.photo, self.faces = photo, faces
        return faces


class _SessionView(View):
    _css = read_static("demo.css")
    emotions = traitlets.List(list(EMOTIONS)).tag(sync=True)
    colors = traitlets.Dict(EMOTION_COLORS).tag(sync=True)
    reader = anywidget.WidgetTrait().tag(sync=True)

    def __init__(self, session, **traits):
        super().__init__(reader=session.reader, **traits)
        self._session = session

    def _shows(self):
        return repr(self.reader or self._session.predictor)


class PhotoView(_SessionView):
    """A photo by click, drop or paste; a sample is there at once."""

    _esm = read_static("common.js", "upload.js")

    _parts = b""

    def _reply(self, message, buffers):
        """To "photo", a file or its end after each "part", or "sample": the faces, crops, the photo if asked for."""
        if message["kind"] == "sample":
            photo = sample_photo()
        else:
            self._parts = self._parts[: message.get("start", 0)] + bytes(buffers[0])
            if message["kind"] == "part":
                return {"kind": "part"}, []
            photo, self._parts = read_photo(self._parts), b""
        faces = self._session.predict(photo)
        pictures = [encode_picture(face.crop) for face in faces]
        if message.get("return_photo"):
            pictures.append(encode_picture(_shrink(photo)[0], ".jpg"))
        told = {"faces": [_describe(face) for face in faces], "reading": self._session.reading}
        return {"kind": "faces", **told, "width": photo.shape[1]}, pictures


class CameraView(_SessionView):
    """The faces in front of the camera of the reader's own computer.

    A new expression is told 0.7 to 1.2 s late: answers stand still, and words and percentages change twice a second.
    """

    _esm = read_static("common.js", "camera.js")
    promise = traitlets.Unicode().tag(sync=True)

    def __init__(self, session):
        super().__init__(session, promise=PROMISES["browser" if session.reader else "kernel"])
        self._tracker = Tracker()

    def _reply(self, message, buffers):
        """To "frame": the faces, each with the number of its person, smoothed over time."""
        faces = self._session.predict(read_photo(bytes(buffers[0])))
        persons = self._tracker.update(faces, time.monotonic())
        told = [{"person": number, **_describe(face)} for number, face in persons]
        return {"kind": "faces", "faces": told, "reading": self._session.reading}, []


class StepsView(_SessionView):
    """The latest face, step by step, as it is corrupted or the network changed."""

    _esm = read_static("common.js", "steps.js")
    sliders = traitlets.List(list(SLIDERS)).tag(sync=True)
    networks = traitlets.List().tag(sync=True)
    network = traitlets.Unicode().tag(sync=True)
    readings = traitlets.Dict(READINGS).tag(sync=True)

    def __init__(self, session):
        networks, name = list_networks(), DEMO_RUN if session.reader else session.predictor.name
        if session.reader:
            networks = [network for network in networks if network["name"] in session.reader.networks]
        super().__init__(session, networks=networks, network=name)

    def _reply(self, message, buffers):
        """To "photo", the latest one, or "steps" of a face: its crop, that corrupted, the same under its heat map."""
        session = self._session
        if message["network"] != session.predictor.name:
            session.predictor = load_predictor(message["network"])
        session.predictor.logit_adjustment = message["logit_adjustment"]
        if not session.faces:
            session.predict(sample_photo())
        if message["kind"] == "photo":
            photo, scale = _shrink(session.photo)
            boxes = [tuple(side * scale for side in face.box) for face in session.faces]
            return {"kind": "photo", "boxes": boxes}, [encode_picture(photo, ".jpg")]
        face, predict_images = session.faces[message["face"]], session.predictor.predict_images
        crop = apply_corruptions(face.crop, message["changes"])
        corrupted = replace(face, crop=crop, probabilities=predict_images(crop[None])[0])
        steps = face.crop, crop, draw_heat(crop, occlusion_map(predict_images, crop, step=4))
        return {"kind": "steps", "face": _describe(corrupted)}, [encode_picture(picture) for picture in steps]


def _shrink(photo):
    """A photo of at most `LONGEST_SIDE` pixels a side, and its scale: Jupyter drops answers of megabytes."""
    scale = min(1, LONGEST_SIDE / max(photo.shape[:2]))
    size = [max(1, round(scale * side)) for side in photo.shape[1::-1]]
    return (photo if scale == 1 else cv2.resize(photo, size, interpolation=cv2.INTER_AREA)), scale


def _describe(face):
    """A prediction as the pages take it."""
    names = "box score emotion predicted coarse".split()
    return {name: getattr(face, name) for name in names} | {"probabilities": face.probabilities.tolist()}


class Demo(ipywidgets.Tab):
    """The views as tabs, and a sentence where they cannot be shown."""

    def _ipython_display_(self):
        display(HTML(NOTE))
        display(self._repr_mimebundle_(), raw=True)


def demo(predictor=None, *, reader="kernel"):
    """Photo, camera, and how a prediction came about, as tabs.

    Parameters
    ----------
    predictor : Predictor, optional
        By default `load_predictor()`.
    reader : "kernel" or "browser"
        Who reads the faces. The browser has networks of its own, and no picture leaves it: so a JupyterLab that runs
        elsewhere can follow a camera, too. Its program is what `make page` builds.

    Returns
    -------
    ipywidgets.Tab

    Raises
    ------
    ValueError
        If the reader is neither, or the browser's should use a predictor.
    FileNotFoundError
        If the browser's reader was not built.
    """
    if reader not in PROMISES:
        raise ValueError(f'reader is {reader!r}: expected "kernel" or "browser"')
    if reader == "browser":
        if predictor is not None:
            raise ValueError('reader="browser" has networks of its own: leave the predictor out')
        session = Session(None, Reader())
    else:
        session = Session(predictor or load_predictor())
    tabs = Demo([PhotoView(session), CameraView(session), StepsView(session)])
    tabs.titles = ("Photo", "Camera", "How it works")
    return tabs
