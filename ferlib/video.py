"""Video or camera -> who shows what when: faces followed from frame to frame, their emotions smoothed."""

import contextlib
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ferlib.annotate import draw_predictions
from ferlib.config import EMOTIONS
from ferlib.photos import PhotoError

RATE = 10  # frames read a second: expressions last longer
SMOOTH = 0.4  # seconds after which an old answer counts for 1/e
FORGET = 1.0  # seconds that a face may be out of sight and come back as the same person
SAME_FACE = 0.2  # overlap, intersection over union, with where the face was last


@dataclass
class _Person:
    number: int
    seen: float
    prediction: object


class Tracker:
    """Gives faces of successive frames to persons, numbered from 1, and smooths each person's probabilities."""

    def __init__(self):
        self._persons, self._count = [], 0

    def update(self, predictions, seconds):
        """Follow the faces of a frame.

        Parameters
        ----------
        predictions : list of FacePrediction
        seconds : float
            Time of the frame, larger than that of the one before.

        Returns
        -------
        list of (int, FacePrediction)
            Each face's person, and the face with its probabilities smoothed.
        """
        from scipy.optimize import linear_sum_assignment

        self._persons = [person for person in self._persons if seconds - person.seen <= FORGET]
        overlaps = np.array([[_overlap(p.prediction.box, new.box) for new in predictions] for p in self._persons])
        pairs = zip(*linear_sum_assignment(-overlaps), strict=True) if overlaps.size else ()
        matched = {new: self._persons[old] for old, new in pairs if overlaps[old, new] >= SAME_FACE}
        followed = []
        for index, prediction in enumerate(predictions):
            person = matched.get(index)
            if person is None:
                self._count += 1
                person = _Person(self._count, seconds, prediction)
                self._persons.append(person)
            else:
                fresh = np.float32(1 - np.exp((person.seen - seconds) / SMOOTH))
                smooth = fresh * prediction.probabilities + (1 - fresh) * person.prediction.probabilities
                person.seen, person.prediction = seconds, replace(prediction, probabilities=smooth)
            followed.append((person.number, person.prediction))
        return followed


def follow_faces(source, predictor, *, rate=RATE):
    """Read a video or camera frame by frame.

    Parameters
    ----------
    source : str, Path or int
        A video file, or the number of a camera.
    predictor : Predictor
    rate : float
        Most frames a second that are read; the others are skipped, as are those that a camera took meanwhile.

    Yields
    ------
    seconds : float
        Since the start.
    frame : (H, W, 3) uint8
        RGB.
    persons : list of (int, FacePrediction)

    Raises
    ------
    FileNotFoundError, PhotoError
        If the source cannot be opened, or is no video.
    """
    live = isinstance(source, int)
    if not live and not Path(source).exists():
        raise FileNotFoundError(f"{source}: no such video")
    capture = cv2.VideoCapture(source if live else str(source))
    try:
        if not capture.isOpened():
            raise PhotoError(f"camera {source} cannot be opened" if live else f"{source} is no video that can be read")
        tracker, start, due = Tracker(), time.monotonic(), 0.0
        while capture.grab():
            seconds = time.monotonic() - start if live else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if seconds < due - 1e-6:
                continue
            due = max(due + 1 / rate, seconds if live else 0)
            frame = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
            yield seconds, frame, tracker.update(predictor(frame), seconds)
    finally:
        capture.release()


def predict_video(source, predictor, *, target=None, rate=RATE, limit=None):
    """What every person in a video shows, and when.

    Parameters
    ----------
    source : str, Path or int
        A video file, or the number of a camera: this goes on until the limit, Ctrl-C, or the camera's end.
    predictor : Predictor
    target : str or Path, optional
        Where to write the video with boxes and bars, as .mp4.
    rate : float
        Most frames a second that are read.
    limit : float, optional
        Seconds after which to stop.

    Returns
    -------
    pandas.DataFrame
        A row a face and frame: time (s), person (from 1), x, y, width, height (pixels), and seven probabilities. After
        Ctrl-C, or when a camera goes away, what was seen until then.

    Raises
    ------
    FileNotFoundError, PhotoError
        If the source cannot be opened, or is no video.
    """
    import pandas as pd

    rows, writer = [], None
    with contextlib.suppress(KeyboardInterrupt):
        for seconds, frame, persons in follow_faces(source, predictor, rate=rate):
            rows += [(seconds, person, *face.box, *map(float, face.probabilities)) for person, face in persons]
            if target:
                writer = writer or _open_writer(target, frame, rate)
                drawn = draw_predictions(frame, [face for _, face in persons], numbers=[n for n, _ in persons])
                writer.write(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
            if limit is not None and seconds >= limit:
                break
    if writer:
        writer.release()
    return pd.DataFrame(rows, columns=["time", "person", "x", "y", "width", "height", *EMOTIONS])


def _open_writer(target, frame, rate):
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), rate, frame.shape[1::-1])
    if not writer.isOpened():
        raise OSError(f"{target} cannot be written: choose a name ending in .mp4, in a folder that is there")
    return writer


def _overlap(first, second):
    """Intersection over union of two boxes."""
    corners = np.array([(x, y, x + width, y + height) for x, y, width, height in (first, second)])
    sides = np.clip(corners[:, 2:].min(0) - corners[:, :2].max(0), 0, None)
    union = sum(box[2] * box[3] for box in (first, second)) - sides.prod()
    return sides.prod() / union
