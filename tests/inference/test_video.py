import resource
import subprocess
import sys
from itertools import pairwise

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_sample_images

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.inference import (
    FacePrediction,
    PhotoError,
    Tracker,
    crop_face,
    detect_faces,
    load_predictor,
    predict_video,
    prediction_color,
    sample_photo,
)
from ferlib.inference import _video as video
from ferlib.inference._annotate import NOT_SURE_COLOR
from ferlib.inference._predict import FIELDS
from ferlib.inference._video import predict_frames

SHARP = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)


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


def write_film(path, frames, *, rate=20, codec="mp4v"):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def read_film(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while capture.grab():
        frames.append(capture.retrieve()[1])
    return frames, capture.get(cv2.CAP_PROP_FPS)


def face(x, *, happy=0.9, size=50, emotion="happy"):
    probabilities = np.full(7, (1 - happy) / 6, np.float32)
    probabilities[EMOTIONS.index(emotion)] = happy
    return FacePrediction((x, 0, size, size), 0.9, crop=SHARP.copy(), probabilities=probabilities)


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


def test_an_answer_changes_when_another_has_led_for_a_moment():
    tracker, said = Tracker(), []
    shown = ["happy"] * 20 + ["sad"] * 3 + ["happy"] * 20 + ["sad"] * 20  # a flash, then a change after 4.3 s
    for step, emotion in enumerate(shown):
        ((_, seen),) = tracker.update([face(0, emotion=emotion)], step / 10)
        said.append(seen.predicted)
        coarse = {"happy": "positive", "sad": "negative"}
        assert seen.as_row()["coarse"] == coarse.get(seen.predicted, seen.coarse)
        assert prediction_color(seen) == EMOTION_COLORS.get(seen.predicted, NOT_SURE_COLOR)
    changes = [step for step, (before, after) in enumerate(pairwise(said), 1) if before != after]
    assert changes[0] >= 43 and set(said[:43]) == {"happy"} and said[52:] == ["sad"] * 11
    assert all(later - earlier >= 4 for earlier, later in pairwise(changes))


def test_a_face_out_of_focus_is_no_person():
    astronaut = detect_faces(sample_photo())[0]
    for blur, kept in ((0.5, 1), (8, 0)):
        photo = cv2.GaussianBlur(sample_photo(), (0, 0), blur)
        seen = FacePrediction(**vars(astronaut), crop=crop_face(photo, astronaut), probabilities=np.eye(7)[3])
        assert len(Tracker().update([seen], 0.0)) == kept


def test_after_a_cut_there_is_somebody_else(tmp_path):
    china, flower = (cv2.resize(picture, (320, 240)) for picture in load_sample_images().images)
    darker = [cv2.convertScaleAbs(china, alpha=alpha) for alpha in np.linspace(1, 0.4, 20)]
    cut = write_film(tmp_path / "cut.mp4", [*darker, *[flower] * 20])
    assert [row["person"] for row in predict_video(cut, lambda frame: [face(0)])] == [1] * 10 + [2] * 10


@pytest.mark.parametrize("rate", [2, 24, 30])
def test_the_copy_keeps_the_films_times(rate, predictor, tmp_path):
    small = cv2.cvtColor(cv2.resize(sample_photo(), (256, 256)), cv2.COLOR_RGB2BGR)
    white = np.full_like(small, 255)
    film = write_film(tmp_path / "film.mp4", [small] * rate + [white] * rate * 2, rate=rate)
    predict_video(film, predictor, target=tmp_path / "copy.mp4")
    frames, copy_rate = read_film(tmp_path / "copy.mp4")
    dark = [frame.mean() < 200 for frame in frames]
    assert len(frames) / copy_rate == pytest.approx(3, abs=1 / rate)
    assert sum(dark) / copy_rate == pytest.approx(1, abs=0.1) and dark == sorted(dark, reverse=True)


def test_frames_at_any_time_are_held_as_long_as_they_last(monkeypatch, tmp_path):
    monkeypatch.setattr(video, "_add_sound", lambda *_: None)
    monkeypatch.setattr(cv2, "VideoCapture", FilmOf([0, 0.1, 0.2, 3.2, 3.3, 9000]))  # the last one's clock is damaged
    times = [row["time"] for row in predict_video(__file__, lambda frame: [face(0)], target=tmp_path / "copy.mp4")]
    assert times == pytest.approx([0, 0.1, 0.2, 3.2, 3.3, 3.4])
    monkeypatch.undo()
    frames, rate = read_film(tmp_path / "copy.mp4")
    assert len(frames) / rate == pytest.approx(3.5, abs=0.11)


def test_where_the_clock_begins_anew_the_rest_is_read_too(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", FilmOf([*np.arange(10) / 10, *np.arange(10) / 10]))
    times = [row["time"] for row in predict_video(__file__, lambda frame: [face(0)])]
    assert times == pytest.approx(np.arange(20) / 10)


def test_a_copy_that_cannot_be_written_is_an_error(film, predictor, tmp_path):
    with pytest.raises(OSError, match="cannot be written"):
        predict_video(film, predictor, target=tmp_path / "no" / "drawn.mp4")
    with pytest.raises(OSError, match="is the video itself"):
        predict_video(film, predictor, target=film)
    assert len(read_film(film)[0]) == 40


def test_sound_goes_into_the_copy_or_is_missed_in_a_sentence(film, predictor, tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr(video.shutil, "which", lambda name: None)
    predict_video(film, predictor, target=tmp_path / "copy.mp4")
    assert not recwarn  # it had none
    loud = tmp_path / "loud.mp4"
    loud.write_bytes(film.read_bytes() + b"\0\0\0\x0cfreesoun")
    with pytest.warns(UserWarning, match=r"loud\.mp4: its annotated copy has no sound: get ffmpeg"):
        predict_video(loud, predictor, target=tmp_path / "copy.mp4")

    def run(command, **_):
        assert str(loud) in map(str, command)
        command[-1].write_bytes(b"with sound")

    monkeypatch.setattr(video.shutil, "which", lambda name: name)
    monkeypatch.setattr(video.subprocess, "run", run)
    predict_video(loud, predictor, target=tmp_path / "copy.mp4")
    assert (tmp_path / "copy.mp4").read_bytes() == b"with sound"
    failure = subprocess.CalledProcessError(1, "ffmpeg", stderr=b"unknown codec\n")
    monkeypatch.setattr(video.subprocess, "run", lambda *_, **__: (_ for _ in ()).throw(failure))
    with pytest.warns(UserWarning, match="ffmpeg: unknown codec"):
        predict_video(loud, predictor, target=tmp_path / "copy.mp4")
    assert len(read_film(tmp_path / "copy.mp4")[0]) == 40


def test_a_film_that_is_cut_short_is_read_so_far(film, predictor, tmp_path):
    avi = write_film(tmp_path / "whole.avi", read_film(film)[0], codec="MJPG")
    (tmp_path / "half.avi").write_bytes(avi.read_bytes()[: avi.stat().st_size // 2])
    sentence = r"half\.avi is damaged: read until (0\.9|1\.[01]) s of 2\.0 s"
    with pytest.warns(UserWarning, match=sentence):
        rows = predict_video(tmp_path / "half.avi", predictor)
    assert 9 <= len(rows) <= 12
    frames = predict_frames(tmp_path / "half.avi", predictor, target=tmp_path / "copy.mp4")
    seen = []
    with pytest.raises(PhotoError, match=sentence):
        seen.extend(frames)
    assert [row for rows in seen for row in rows] == rows
    assert 18 <= len(read_film(tmp_path / "copy.mp4")[0]) <= 23


def test_a_film_without_a_frame_is_an_error(monkeypatch, predictor, film):
    monkeypatch.setattr(cv2, "VideoCapture", FilmOf([]))
    with pytest.raises(PhotoError, match=r"walk\.mp4 opens, but none of its frames can be decoded"):
        predict_video(film, predictor)


FUZZ = """
import random, resource, sys, warnings
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from pathlib import Path
from ferlib.inference import FacePrediction, PhotoError, crop_face, detect_faces, predict_video
import numpy as np

def predictor(frame):
    faces = detect_faces(frame)
    return [FacePrediction(**vars(d), crop=crop_face(frame, d), probabilities=np.eye(7)[3]) for d in faces]

warnings.simplefilter("ignore")
draw, folder = random.Random(0), Path(sys.argv[1])
for number in range(30):
    source = sorted(folder.glob("whole.*"))[number % 2]
    content = bytearray(source.read_bytes())
    if number % 3 == 0:
        content = content[: draw.randrange(len(content))]
    for _ in range((1, 20, len(content) // 200)[number % 3]):
        content[draw.randrange(min(len(content), draw.choice([3000, len(content)])))] = draw.randrange(256)
    mutated = folder / f"mutated{source.suffix}"
    mutated.write_bytes(content)
    try:
        print(len(predict_video(mutated, predictor, target=folder / "copy.mp4")), "rows")
    except (PhotoError, OSError) as error:
        print(error)
"""


def test_mutated_films_end_in_sentences(film, tmp_path):
    frames = read_film(film)[0]
    for name, codec in (("whole.avi", "MJPG"), ("whole.mp4", "mp4v")):
        write_film(tmp_path / name, frames[:20], codec=codec)
    done = subprocess.run([sys.executable, "-c", FUZZ, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert len(done.stdout.splitlines()) == 30 and "rows" in done.stdout and "mutated" in done.stdout


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

    def __init__(self, frames, clock, damaged=()):
        self.frames, self.clock, self.damaged = frames, clock, damaged

    def isOpened(self):
        return self.frames > 0

    def grab(self):
        self.frames -= 1
        self.clock[0] += 1 / 30
        return self.frames >= 0

    def retrieve(self):
        if self.frames in self.damaged:
            return False, None
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        pass


class FilmOf(Camera):
    """Stands in for cv2.VideoCapture: a film of ten frames a second, that come at some times (s)."""

    def __init__(self, times):
        self.times, self.now, self.left = times, None, None

    def __call__(self, *_):
        self.left = list(self.times)
        return self

    def isOpened(self):
        return True

    def get(self, key):
        return {cv2.CAP_PROP_FPS: 10, cv2.CAP_PROP_FRAME_COUNT: len(self.times)}.get(key) or 1000 * (self.now or 0)

    def grab(self):
        self.now = self.left.pop(0) if self.left else None
        return self.now is not None

    def retrieve(self):
        return True, np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


@pytest.fixture
def camera(monkeypatch):
    def plug(frames, damaged=()):
        clock = [0.0]
        monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Camera(frames, clock, damaged))
        monkeypatch.setattr(video.time, "monotonic", lambda: clock[0])

    return plug


def test_unplugged_camera_leaves_the_table_so_far(camera):
    camera(30)
    table = pd.DataFrame(predict_video(0, lambda frame: [face(0)]))
    assert 9 <= len(table) <= 11
    camera(0)
    with pytest.raises(PhotoError, match="camera 0 cannot be opened"):
        predict_video(0, lambda frame: [])


def test_a_damaged_frame_is_passed_over(camera):
    camera(30, damaged={29, 14})
    times = [row["time"] for row in predict_video(0, lambda frame: [face(0)], rate=30)]
    assert len(times) == 28


def test_ten_minutes_at_flat_memory(camera):
    camera(600 * 30)
    peak = []
    for rows in predict_frames(0, lambda frame: [face(0), face(100)]):
        if round(rows[0]["time"] * 10) % 600 == 0:
            peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert len(peak) >= 9 and peak[-1] - peak[1] < 4000  # kB


def test_what_is_no_video_is_refused(predictor, tmp_path):
    (tmp_path / "notes.mp4").write_text("milk")
    with pytest.raises(PhotoError, match=r"notes\.mp4 is no video"):
        predict_video(tmp_path / "notes.mp4", predictor)
    with pytest.raises(FileNotFoundError, match="no such video"):
        predict_video(tmp_path / "gone.mp4", predictor)
