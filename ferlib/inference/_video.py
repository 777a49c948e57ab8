"""Video and camera: faces tracked from frame to frame, their probabilities smoothed, their answers held.

A source is a video file or the number of a camera; `rate`, the most frames a second that are predicted. A source that
is not there, cannot be opened or is no video raises FileNotFoundError or PhotoError. A damaged frame is passed over.
"""

import contextlib
import mmap
import os
import re
import shutil
import struct
import subprocess
import time
import warnings
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from ferlib._atomic import whole_or_nothing
from ferlib.inference._annotate import draw_predictions
from ferlib.inference._litert import cores
from ferlib.inference._photos import PhotoError

VIDEO_SUFFIXES = set(".mp4 .mov .avi .mkv .webm .m4v .y4m .flv .wmv .mpg .mpeg .ts .mts .3gp .ogv".split())
# a damaged video would print a line a block; what matters is raised
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

MP4 = cv2.VideoWriter.fourcc(*"mp4v")
NOT_WRITTEN = "{} cannot be written: choose a name ending in .mp4, in a folder that is there and has room"
SILENT = "{}: its annotated copy has no sound: {}"

FORGET = 1.0
"""Seconds that a face may be out of sight and come back as the same person."""

RATE = 10  # frames a second that are predicted: expressions last longer
SMOOTH_SECONDS = 0.4  # after which an earlier frame counts for 1/e
HOLD_SECONDS = 0.4  # that another answer must lead before it is given
SAME_FACE_IOU = 0.2  # intersection over union with where the face was last
SAME_SCENE = 0.75  # correlation with the frame before, 32x32 grey: a waving hand leaves 0.86, a cut 0.5, at most 0.72
SHORT_SECONDS = 0.3  # that a video may end early: sound is often a little longer
LEAD = 1.0  # seconds before a part of a film, where it is sought
EPSILON = 1e-6  # seconds by which clocks are rounded
LONGEST_PAUSE = 60  # seconds between two frames; after more, the clock of a damaged or joined video is not believed

UNIX_SECONDS = 2_082_844_800
"""From 1904, where the clock of MP4 begins, to 1970."""

SHARPNESS = 0.085
"""Sharpness, see `_sharpness`, from which a face is read: all 3,589 faces of PrivateTest have it. Of those blurred by
2.5 pixels, half do not; the network is correct on 23 % of them, on 71 % of sharp ones."""


class Tracker:
    """Gives faces of successive frames to persons, numbered from 1, and smooths each person's probabilities.

    A person's answer stands still: another one is given after it has led for 0.4 s. With the smoothing, a new
    expression is told about 0.7 s late. Faces out of focus are passed over.
    """

    def __init__(self):
        self._persons, self._count = {}, 0  # by number: when last seen, smoothed face, answer, since when another leads

    def update(self, predictions, seconds):
        """Give the faces of the next frame, a list of FacePrediction, to persons; seconds grow from frame to frame.

        Returns
        -------
        list of (int, FacePrediction)
            Each sharp face's person, and the face with its probabilities smoothed and the person's answer.
        """
        from scipy.optimize import linear_sum_assignment

        predictions = [face for face in predictions if _sharpness(face.crop) >= SHARPNESS]
        self._persons = {n: person for n, person in self._persons.items() if seconds - person[0] <= FORGET}
        numbers = list(self._persons)
        overlaps = np.array([[_iou(old.box, new.box) for new in predictions] for _, old, *_ in self._persons.values()])
        pairs = zip(*linear_sum_assignment(-overlaps), strict=True) if overlaps.size else ()
        known = {new: numbers[old] for old, new in pairs if overlaps[old, new] >= SAME_FACE_IOU}
        followed = []
        for index, face in enumerate(predictions):
            answer, since = face.predicted, seconds
            if number := known.get(index):
                seen, last, answer, leads = self._persons[number]
                fresh = np.float32(1 - np.exp((seen - seconds) / SMOOTH_SECONDS))
                face = replace(face, probabilities=fresh * face.probabilities + (1 - fresh) * last.probabilities)
                since = leads if face.predicted == last.predicted else seconds
                answer = face.predicted if seconds - since >= HOLD_SECONDS else answer
            else:
                number = self._count = self._count + 1
            self._persons[number] = seconds, face, answer, since
            followed.append((number, replace(face, answer=answer)))
        return followed

    def cut(self):
        """Forget everybody: the next frame shows another scene."""
        self._persons = {}


class Source:
    """A video or camera, opened."""

    def __init__(self, source):
        self.live = isinstance(source, int)
        self.name = f"camera {source}" if self.live else str(source)
        if not self.live and not Path(source).exists():
            raise FileNotFoundError(f"{source}: no such video")
        backend = cv2.CAP_ANY if self.live else cv2.CAP_FFMPEG  # others print what they do not understand
        self._opening = backend, [] if self.live else [cv2.CAP_PROP_N_THREADS, cores()]
        self._capture = cv2.VideoCapture(source if self.live else str(source), *self._opening)
        if not self._capture.isOpened():
            trouble = "cannot be opened" if self.live else "is no video that can be read: convert it to .mp4"
            raise PhotoError(f"{self.name} {trouble}")
        keys = cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT
        fps, self._count = (0, 0) if self.live else map(self._capture.get, keys)
        self.fps = fps if 0 < fps < np.inf else 0
        self.end = 0.0  # in seconds, of the latest frame

    @property
    def length(self):
        """In seconds, as the file says; 0 if it does not."""
        return self._count / self.fps if self.fps else 0.0

    def read(self, rate, *, start=0.0, end=np.inf):
        """Yield time (s) and (H, W, 3) uint8 RGB of some frames; PhotoError if they end before the video should.

        Those from `start` to before `end` are the same, whether what lies before them is read too or not.
        """
        step = 1 / self.fps if self.fps else 0
        began, due, shift, seen, some = time.monotonic(), start, 0.0, self._seek(start), False
        try:
            while self._capture.grab():
                seen += 1
                if self.live:
                    seconds = time.monotonic() - began
                else:
                    seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 + shift
                    gap = seconds - self.end
                    if not -1.01 * step <= gap <= LONGEST_PAUSE:
                        shift, seconds = shift - gap, self.end
                self.end = seconds + step
                if seconds < due - EPSILON:
                    continue
                if seconds >= end - EPSILON:
                    return
                decoded, frame = self._capture.retrieve()
                if decoded:
                    some = True
                    due = max(due + 1 / rate, seconds) if self.live else (int(rate * seconds + EPSILON) + 1) / rate
                    yield seconds, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        except (cv2.error, MemoryError) as error:
            raise PhotoError(f"{self.name} is damaged ({error}): get a whole copy of it") from error
        finally:
            self._capture.release()
        if not (some or start or self.live):
            raise PhotoError(f"{self.name} opens, but none of its frames can be decoded: get a whole copy of it")
        if self.length - self.end > SHORT_SECONDS and seen < self._count - 2:
            extent = f"read until {self.end:.1f} s of {self.length:.1f} s"
            raise PhotoError(f"{self.name} is damaged: {extent}: get a whole copy of it")

    def _seek(self, start):
        """Go to a frame before a time (s), or stay at the first if there is none to be found; how many were skipped."""
        skipped = int((start - LEAD) * self.fps)
        if skipped <= 0:
            return 0
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, skipped)
        if self._capture.grab() and (seconds := self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000) <= start - EPSILON:
            self.end = seconds + 1 / self.fps
            return skipped + 1
        self._capture.open(self.name, *self._opening)
        return 0


class _Copy:
    """An annotated copy at a constant rate: a frame is held until the next, so that times are the source's."""

    def __init__(self, target, rate):
        self._target, self._rate = Path(target), rate
        self._writer, self._frame, self._count = None, None, 0

    def show(self, frame, seconds):
        """Hold the last frame until this time, then show this one, (H, W, 3) uint8 RGB."""
        frame = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
        if self._frame is None:
            self._writer = cv2.VideoWriter(str(self._target), MP4, self._rate, frame.shape[1::-1])
            self._frame = frame
        self._hold(round(seconds * self._rate))
        self._frame = cv2.resize(frame, self._frame.shape[1::-1])
        if not self._writer.isOpened():
            raise OSError(NOT_WRITTEN.format(self._target))

    def _hold(self, count):
        while self._count < count:
            self._writer.write(self._frame)
            self._count += 1

    def close(self, film):
        """Hold the last frame to the film's end, and add its sound."""
        if self._frame is None:
            return
        self._hold(max(1, round(film.end * self._rate)))
        self._writer.release()
        if not cv2.VideoCapture(str(self._target), cv2.CAP_FFMPEG).isOpened():  # a full disk is not told before
            raise OSError(NOT_WRITTEN.format(self._target))
        if not film.live:
            _add_sound(self._target, film.name, film.end)


def _add_sound(target, source, seconds):
    """Give a copy its video's sound, by ffmpeg; a copy that stays silent is warned of."""
    if program := shutil.which("ffmpeg"):
        try:
            with whole_or_nothing(target) as voiced:
                sources = "-i", target.resolve(), "-i", Path(source).resolve()
                choice = "-map", "0:v", "-map", "1:a:0?", "-c:v", "copy", "-t", str(seconds)
                command = [program, "-v", "error", "-nostdin", "-y", *sources, *choice, voiced.resolve()]
                subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", b"").decode(errors="replace").split("\n")
            warnings.warn(SILENT.format(source, f"ffmpeg: {said[0] or error}"), stacklevel=2)
        return
    with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if re.search(rb"soun|auds|A_[A-Z]{3}", content):
            warnings.warn(SILENT.format(source, "get ffmpeg and predict the video again"), stacklevel=2)


def follow_faces(source, predictor, *, rate=RATE):
    """The frames of a video or camera, each with the persons in it; those between them are skipped.

    Yields
    ------
    seconds : float
        Since the start.
    frame : (H, W, 3) uint8
        RGB.
    persons : list of (int, FacePrediction)
        As from `Tracker`.

    Raises
    ------
    PhotoError
        After the last frame, if a video ends before it should.
    """
    yield from _follow(Source(source), predictor, rate)


def _follow(source, predictor, rate):
    tracker, before = Tracker(), None
    with contextlib.closing(source.read(rate)) as frames:
        for seconds, frame in frames:
            scene = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
            if not source.live and before is not None:
                moved = cv2.matchTemplate(before, scene[4:-4, 4:-4], cv2.TM_CCOEFF_NORMED)  # the same in any light
                if moved.max() < SAME_SCENE:
                    tracker.cut()
            before = scene
            yield seconds, frame, tracker.update(predictor(frame), seconds)


def predict_frames(source, predictor, *, target=None, rate=RATE, limit=None):
    """As `predict_video`, but yield the rows of a frame at a time; PhotoError after the last if a video is damaged."""
    film = Source(source)
    if target and not film.live and Path(target).exists() and Path(target).samefile(source):
        raise OSError(f"{target} is the video itself: choose another name for its copy")
    copy = target and _Copy(target, rate if film.live else min(max(film.fps, rate), 60))
    try:
        for seconds, frame, persons in _follow(film, predictor, rate):
            if copy:
                drawn = draw_predictions(frame, [face for _, face in persons], numbers=[n for n, _ in persons])
                copy.show(drawn, seconds)
            yield [{"time": seconds, "person": person, **face.as_row()} for person, face in persons]
            if limit is not None and seconds >= limit:
                break
    finally:
        if copy:
            copy.close(film)


def predict_video(source, predictor, *, target=None, rate=RATE, limit=None):
    """What every person in a video shows, and when. A video that ends before it should is read so far, with a warning.

    Parameters
    ----------
    target : str or Path, optional
        Where to write the video with boxes and bars, as .mp4.
    limit : float, optional
        Seconds after which to stop; Ctrl-C and the end of video or camera do so too.

    Returns
    -------
    list of dict
        One a face and frame, for `pandas.DataFrame` or csv: time (s), person (from 1), x, y, width, height (pixels),
        score, predicted, coarse, and seven probabilities.

    Raises
    ------
    OSError
        If the target cannot be written.
    """
    table, begun = [], False
    try:
        for rows in predict_frames(source, predictor, target=target, rate=rate, limit=limit):
            begun = True
            table += rows
    except KeyboardInterrupt:
        pass
    except PhotoError as error:
        if not begun:
            raise
        warnings.warn(str(error), stacklevel=2)
    return table


def film_time(path):
    """When a film was begun, in this machine's local time: datetime, or None; only MP4 and its kin say it, in UTC."""
    with open(path, "rb") as file:
        while len(head := file.read(8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            if kind == b"mvhd":
                width = 4 if file.read(4)[:1] == b"\0" else 8
                seconds = int.from_bytes(file.read(width)) - UNIX_SECONDS
                known = 0 < seconds < UNIX_SECONDS  # a camera whose clock was never set begins in 1970
                return datetime.fromtimestamp(seconds) if known else None
            if size == 1:
                size = int.from_bytes(file.read(8)) - 8
            if size < 8:
                return None
            if kind != b"moov":
                file.seek(size - 8, os.SEEK_CUR)


def _sharpness(crop):
    """What there is of details 1 to 2 pixels large, in contrasts of the crop, 0..1: a noisy picture has no more."""
    grey = crop.astype(np.float32)
    return (cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 2)).std() / max(grey.std(), 1)


def _iou(first, second):
    """Intersection over union of two boxes."""
    corners = np.array([(x, y, x + width, y + height) for x, y, width, height in (first, second)])
    sides = np.clip(corners[:, 2:].min(0) - corners[:, :2].max(0), 0, None)
    union = sum(box[2] * box[3] for box in (first, second)) - sides.prod()
    return sides.prod() / union
