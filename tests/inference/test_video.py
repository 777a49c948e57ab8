import resource

import cv2
import numpy as np
import pandas as pd
import pytest

from ferlib.config import EMOTIONS
from ferlib.inference import (
    FacePrediction,
    PhotoError,
    Tracker,
    follow_faces,
    load_predictor,
    predict_video,
    sample_photo,
)
from ferlib.inference import _video as video
from ferlib.inference._predict import FIELDS


@pytest.fixture(scope="module")
def predictor(run_folder):
    return load_predictor("tiny", models_dir=run_folder.parent)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two seconds, 20 frames each: the astronaut on the left walks to the right."""
    path = tmp_path_factory.mktemp("film") / "walk.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20, (640, 256))
    small = cv2.cvtColor(cv2.resize(sample_photo(), (256, 256)), cv2.COLOR_RGB2BGR)
    for step in range(40):
        frame = np.full((256, 640, 3), 100, np.uint8)
        frame[:, 8 * step : 8 * step + 256] = small
        writer.write(frame)
    writer.release()
    return path


def face(x, *, happy=0.9, size=50):
    probabilities = np.full(7, (1 - happy) / 6, np.float32)
    probabilities[EMOTIONS.index("happy")] = happy
    return FacePrediction((x, 0, size, size), 0.9, crop=np.zeros((48, 48), np.uint8), probabilities=probabilities)


def test_a_person_keeps_her_number_on_the_way(film, predictor):
    table = pd.DataFrame(predict_video(film, predictor))
    assert list(table.columns) == ["time", "person", *FIELDS]
    assert 18 <= len(table) <= 21 and set(table["person"]) == {1}
    assert table["x"].is_monotonic_increasing and np.allclose(table[list(EMOTIONS)].sum(axis=1), 1, atol=1e-4)
    assert table["time"].diff().dropna().between(0.09, 0.16).all()


def test_two_who_pass_keep_theirs_and_who_comes_back_is_known():
    tracker = Tracker()
    for step in range(5):
        numbers = [number for number, _ in tracker.update([face(10 * step), face(200 - 10 * step)], step / 10)]
        assert numbers == [1, 2]
    assert tracker.update([], 0.9) == []
    assert [number for number, _ in tracker.update([face(160)], 1.3)] == [2]
    assert [number for number, _ in tracker.update([face(160)], 5.0)] == [3]


def test_probabilities_are_smoothed_but_follow():
    tracker = Tracker()
    tracker.update([face(0, happy=0.9)], 0.0)
    seen = [tracker.update([face(0, happy=0.1)], t / 10)[0][1].probabilities[3] for t in range(1, 21)]
    assert 0.6 < seen[0] < 0.9 and np.all(np.diff(seen) < 0) and seen[-1] == pytest.approx(0.1, abs=0.02)


def test_annotated_video_is_as_long(film, predictor, tmp_path):
    predict_video(film, predictor, target=tmp_path / "drawn.mp4")
    capture = cv2.VideoCapture(str(tmp_path / "drawn.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) / capture.get(cv2.CAP_PROP_FPS) == pytest.approx(2, abs=0.2)
    with pytest.raises(OSError, match="cannot be written"):
        predict_video(film, predictor, target=tmp_path / "no" / "drawn.mp4")


def test_ctrl_c_keeps_what_is_done(film, predictor):
    calls = iter(range(99))

    def interrupted(frame):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return predictor(frame)

    assert len(predict_video(film, interrupted)) == 5  # frames, one face each
    assert len(predict_video(film, predictor, limit=0.55)) == 7


class Camera:
    """Stands in for cv2.VideoCapture: frames until it is unplugged."""

    def __init__(self, frames, clock):
        self.frames, self.clock = frames, clock

    def isOpened(self):
        return self.frames > 0

    def grab(self):
        self.frames -= 1
        self.clock[0] += 1 / 30
        return self.frames >= 0

    def retrieve(self):
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        pass


@pytest.fixture
def camera(monkeypatch):
    def plug(frames):
        clock = [0.0]
        monkeypatch.setattr(cv2, "VideoCapture", lambda source: Camera(frames, clock))
        monkeypatch.setattr(video.time, "monotonic", lambda: clock[0])

    return plug


def test_unplugged_camera_leaves_the_table_so_far(camera):
    camera(30)
    table = pd.DataFrame(predict_video(0, lambda frame: [face(0)]))
    assert 9 <= len(table) <= 11
    camera(0)
    with pytest.raises(PhotoError, match="camera 0 cannot be opened"):
        predict_video(0, lambda frame: [])


def test_ten_minutes_at_flat_memory(camera):
    camera(600 * 30)
    peak = []
    for seconds, *_ in follow_faces(0, lambda frame: [face(0), face(100)]):
        if round(seconds * 10) % 600 == 0:
            peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert len(peak) >= 9 and peak[-1] - peak[1] < 4000  # kB


def test_what_is_no_video_is_refused(predictor, tmp_path):
    (tmp_path / "notes.mp4").write_text("milk")
    with pytest.raises(PhotoError, match=r"notes\.mp4 is no video"):
        predict_video(tmp_path / "notes.mp4", predictor)
    with pytest.raises(FileNotFoundError, match="no such video"):
        predict_video(tmp_path / "gone.mp4", predictor)
