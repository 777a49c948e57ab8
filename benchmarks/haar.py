"""The face detector of Viola and Jones (2001), a Haar cascade, as OpenCV ships it: for upright frontal faces."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np

CASCADE = "haarcascade_frontalface_alt2.xml"  # no false alarm where the default one had six
SEARCH_SIZE = 640  # longest side that is searched: the cascade is made for small faces
FRAME_WIDTH = 1.04  # of FER2013's frame, in widths of the cascade's box, on 782 of its faces


def detect_faces(photo, min_face=48):
    """As `ferlib.inference.detect_faces`, without keypoints."""
    from ferlib.inference import Detection

    scale = min(1.0, SEARCH_SIZE / max(photo.shape[:2]))
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    grey = cv2.equalizeHist(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    smallest = max(1, round(min_face * scale))
    found = _load_cascade().detectMultiScale2(grey, 1.2, 3, minSize=(smallest, smallest))
    detections = []
    for box, neighbours in zip(*found, strict=True):
        x, y, width, height = np.divide(box, scale)
        side = round(FRAME_WIDTH * width)
        corner = round(x + (width - side) / 2), round(y + (height - side) / 2)
        detections.append(Detection((*corner, side, side), neighbours / (neighbours + 3)))
    return sorted(detections, key=lambda detection: detection.box[:2])


@cache
def _load_cascade():
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / CASCADE))
