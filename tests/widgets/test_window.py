import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ferlib.inference import FacePrediction
from ferlib.widgets import _window as window


def test_without_a_display_there_is_a_sentence(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(RuntimeError, match=r"no window can be opened here .*use notebook 05"):
        window.show_camera(0, None)


def test_frames_are_shown_mirrored_until_q(monkeypatch):
    shown, keys = [], {}

    class Window:
        def __getattr__(self, name):
            return lambda *arguments, **options: None

        def bind(self, key, function):
            keys[key] = function

        def update(self):
            if len(shown) == 3:
                keys["q"](None)

    label = SimpleNamespace(pack=lambda: None, configure=lambda image: shown.append(image))
    monkeypatch.setitem(sys.modules, "tkinter", SimpleNamespace(Tk=Window, Label=lambda window: label))
    monkeypatch.setattr("PIL.ImageTk.PhotoImage", lambda image, master: np.asarray(image))
    frame = np.zeros((100, 300, 3), np.uint8)
    face = FacePrediction((10, 20, 30, 30), 0.9, crop=None, probabilities=np.eye(7)[3])
    monkeypatch.setattr(window, "follow_faces", lambda *_, **__: iter([(0, frame, [(1, face)])] * 9))
    window.show_camera(0, None)
    assert len(shown) == 3
    assert shown[0][20:50, 260:290].any() and not shown[0][:, :100].any()
