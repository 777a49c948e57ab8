"""Haar cascades, the face detector of Viola and Jones (2001), as OpenCV ships it: for upright frontal faces."""

import threading
from functools import cache
from pathlib import Path

import cv2
import numpy as np

CASCADE = "haarcascade_frontalface_alt2.xml"  # no false alarm where the default one had six
SCALE_STEP = 1.2
MIN_NEIGHBOURS = 3
# Longest side that is searched: the cascade is made for small faces. Those below 1/32 of the photo are missed.
SEARCH_SIZE = 640

_lock = threading.Lock()  # OpenCV's cascades keep buffers: two threads at once crash


def find_faces(photo, min_face):
    """Faces in a photo, as `Detector.find` gives them; without keypoints."""
    scale = min(1.0, SEARCH_SIZE / max(photo.shape[:2]))
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        # a panorama of one pixel's height must not shrink to none
        size = [max(1, round(side * scale)) for side in grey.shape[::-1]]
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    grey, smallest = cv2.equalizeHist(grey), max(1, round(min_face * scale))
    with _lock:
        found = _load_cascade().detectMultiScale2(grey, SCALE_STEP, MIN_NEIGHBOURS, minSize=(smallest, smallest))
    return [(np.divide(box, scale), None, count / (count + MIN_NEIGHBOURS)) for box, count in zip(*found, strict=True)]


@cache
def _load_cascade():
    path = Path(cv2.__file__).parent / "data" / CASCADE
    if not path.exists():
        raise ValueError(f"OpenCV {cv2.__version__} brings no {CASCADE}: install opencv-python-headless 4.14")
    return cv2.CascadeClassifier(str(path))
