"""What the widgets share: a page that asks, a kernel that replies, and its static files.

Pictures travel in custom messages and never enter a widget's state, so a saved notebook holds no face.
"""

import threading
from pathlib import Path

import anywidget
import cv2


def read_static(*names):
    """Some files of static/ as one text: a browser resolves no import between modules that anywidget hands it."""
    return "\n".join((Path(__file__).parent / "static" / name).read_text(encoding="utf-8") for name in names)


def encode_picture(pixels, kind=".png"):
    """The bytes of a picture file from (H, W) or (H, W, 3) uint8 pixels, grey or RGB."""
    return cv2.imencode(kind, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels)[1].tobytes()


class View(anywidget.AnyWidget):
    """Replies to a page's messages: {"kind", "id", ...} and at most one picture in, the same id and pictures out."""

    def __init__(self, **traits):
        super().__init__(**traits)
        # ipykernel 7 handles the first messages on the main thread and later ones on another
        self._lock = threading.Lock()
        self.on_msg(self._receive)

    def __repr__(self):
        # without a memory address, so that an executed notebook does not change from run to run
        return f"{type(self).__name__}({self._shows()})"

    def _receive(self, _, message, buffers):
        try:
            with self._lock:
                reply, pictures = self._reply(message, buffers)
        except Exception as error:
            # an exception would vanish in the kernel: the page shows it instead
            known = isinstance(error, (ValueError, OSError))
            text = str(error) if known else f"The kernel failed: {type(error).__name__}: {error}"
            reply, pictures = {"kind": "error", "text": text[:1].upper() + text[1:]}, []
        self.send({**reply, "id": message.get("id")}, pictures)

    def _shows(self):
        """What the repr says in brackets."""
        raise NotImplementedError

    def _reply(self, message, buffers):
        """Message and pictures (list of bytes) to send back."""
        raise NotImplementedError
