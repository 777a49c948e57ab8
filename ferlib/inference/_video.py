"""Video and camera: faces tracked from frame to frame, their probabilities smoothed.

A source is a video file or the number of a camera; `rate`, the most frames a second that are predicted; options are
those of `detect_faces`. A source that is not there, cannot be opened or is no video raises FileNotFoundError or
PhotoError.
"""

import contextlib
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ferlib.inference._annotate import draw_predictions
from ferlib.inference._photos import PhotoError

VIDEO_SUFFIXES = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".y4m"}
MP4 = cv2.VideoWriter.fourcc(*"mp4v")
NOT_WRITTEN = "{} cannot be written: choose a name ending in .mp4, in a folder that is there"

FORGET = 1.0
"""Seconds that a face may be out of sight and come back as the same person."""

RATE = 10  # frames a second that are predicted: expressions last longer
SMOOTH_SECONDS = 0.4  # after which an earlier frame counts for 1/e
SAME_FACE_IOU = 0.2  # intersection over union with where the face was last


class Tracker:
    """Gives faces of successive frames to persons, numbered from 1, and smooths each person's probabilities."""

    def __init__(self):
        self._persons, self._count = {}, 0  # by number: when last seen, and the smoothed prediction

    def update(self, predictions, seconds):
        """Give the faces of the next frame, a list of FacePrediction, to persons; seconds grow from frame to frame.

        Returns
        -------
        list of (int, FacePrediction)
            Each face's person, and the face with its probabilities smoothed.
        """
        from scipy.optimize import linear_sum_assignment

        self._persons = {n: person for n, person in self._persons.items() if seconds - person[0] <= FORGET}
        numbers = list(self._persons)
        overlaps = np.array([[_iou(last.box, new.box) for new in predictions] for _, last in self._persons.values()])
        pairs = zip(*linear_sum_assignment(-overlaps), strict=True) if overlaps.size else ()
        known = {new: numbers[old] for old, new in pairs if overlaps[old, new] >= SAME_FACE_IOU}
        followed = []
        for index, prediction in enumerate(predictions):
            if number := known.get(index):
                seen, last = self._persons[number]
                fresh = np.float32(1 - np.exp((seen - seconds) / SMOOTH_SECONDS))
                smooth = fresh * prediction.probabilities + (1 - fresh) * last.probabilities
                prediction = replace(prediction, probabilities=smooth)
            else:
                number = self._count = self._count + 1
            self._persons[number] = seconds, prediction
            followed.append((number, prediction))
        return followed


def follow_faces(source, predictor, *, rate=RATE, **options):
    """The frames of a video or camera, each with the persons in it; those between them are skipped.

    Yields
    ------
    seconds : float
        Since the start.
    frame : (H, W, 3) uint8
        RGB.
    persons : list of (int, FacePrediction)
        As from `Tracker`.
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
            yield seconds, frame, tracker.update(predictor(frame, **options), seconds)
    finally:
        capture.release()


def predict_video(source, predictor, *, target=None, rate=RATE, limit=None, **options):
    """What every person in a video shows, and when.

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
    rows, writer = [], None
    with contextlib.suppress(KeyboardInterrupt):
        for seconds, frame, persons in follow_faces(source, predictor, rate=rate, **options):
            rows += [{"time": seconds, "person": person, **face.as_row()} for person, face in persons]
            if target:
                writer = writer or cv2.VideoWriter(str(target), MP4, rate, frame.shape[1::-1])
                if not writer.isOpened():
                    raise OSError(NOT_WRITTEN.format(target))
                drawn = draw_predictions(frame, [face for _, face in persons], numbers=[n for n, _ in persons])
                writer.write(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
            if limit is not None and seconds >= limit:
                break
    if writer:
        writer.release()
    return rows


def _iou(first, second):
    """Intersection over union of two boxes."""
    corners = np.array([(x, y, x + width, y + height) for x, y, width, height in (first, second)])
    sides = np.clip(corners[:, 2:].min(0) - corners[:, :2].max(0), 0, None)
    union = sum(box[2] * box[3] for box in (first, second)) - sides.prod()
    return sides.prod() / union
