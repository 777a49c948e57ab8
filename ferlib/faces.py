"""Photo -> the faces in it, and each as 48x48 grey pixels that look like FER2013's."""

import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from ferlib import blazeface
from ferlib.config import IMAGE_SIZE
from ferlib.photos import check_photo, lighten

KEYPOINTS = ("left eye", "right eye", "nose", "mouth")
"""Names of `Face.keypoints`: left is what is on the left of the upright face as one sees it."""

# Where BlazeFace finds eyes and mouth in FER2013's own images: medians of 782 Training faces, made symmetric.
# The nose is left out: it wanders most when a head turns.
ALIGNED = np.array([[14.9, 19.0], [33.1, 19.0], [24.0, 37.3]])

# FER2013's frame around a detector's box: widths of the box, and how far its centre is moved down, in widths. On the
# same images BlazeFace's box is 43.7 pixels wide and lies 2.6 low, the cascade's is 46 wide and centred within 1 %.
FRAMES = {"blazeface": (1.10, -0.06), "haar": (1.04, 0.0), "mtcnn": (1.13, 0.0)}

# How the "haar" detector is set, tried on 18 variants of one face (rolled, small, dark, noisy, blurred,
# shadowed, covered) and 16 pictures without one. Found / false alarms, histogram equalised, step 1.2:
# alt2 14 / 0, alt 13 / 0, default 14 / 6, alt_tree 1 / 0. Step 1.1 costs twice the time and finds one
# face less; without equalising, the darkest face is lost. Faces rolled by 20 degrees or more are mostly missed.
CASCADE = "haarcascade_frontalface_alt2.xml"
SCALE_STEP = 1.2
NEIGHBOURS = 3
# Longest side searched: at 640 the face was found in 56 of 60 sizes and variants, at 1280 in 50, and more
# slowly: the cascade is made for small faces. The price: faces below 1/32 of the photo are missed.
SEARCH_SIZE = 640


@dataclass(frozen=True, eq=False)
class Face:
    """A face found in a photo.

    Attributes
    ----------
    box : tuple of int
        (x, y, width, height) in pixels of the upright photo, framed as FER2013 frames its faces: a square from the
        forehead to the chin. It may reach over the photo's edge.
    score : float
        In (0, 1), larger is surer.
    keypoints : (4, 2) float or None
        (x, y) in pixels of what `KEYPOINTS` names; None if the detector finds none.
    """

    box: tuple[int, int, int, int]
    score: float
    keypoints: np.ndarray | None = None


def _detect_blazeface(photo, min_face):
    boxes, keypoints, scores = blazeface.find_faces(photo, min_face=min_face)
    return [
        Face(_frame(box, "blazeface"), float(score), points[:4])
        for box, points, score in zip(boxes, keypoints, scores, strict=True)
    ]


@cache
def _load_cascade():
    path = Path(cv2.__file__).parent / "data" / CASCADE
    if not path.exists():
        raise ValueError(f"OpenCV {cv2.__version__} brings no {CASCADE}: install opencv-python-headless 4.14")
    return cv2.CascadeClassifier(str(path))


_cascade_lock = threading.Lock()  # OpenCV's cascades keep buffers: two threads at once crash


def _detect_haar(photo, min_face):
    scale = min(1.0, SEARCH_SIZE / max(photo.shape[:2]))
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        # a panorama of one pixel's height must not shrink to none
        size = [max(1, round(side * scale)) for side in grey.shape[::-1]]
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    smallest = max(1, round(min_face * scale))
    with _cascade_lock:
        boxes, votes = _load_cascade().detectMultiScale2(
            cv2.equalizeHist(grey), SCALE_STEP, NEIGHBOURS, minSize=(smallest, smallest)
        )
    return [
        Face(_frame(np.divide(box, scale), "haar"), float(count / (count + NEIGHBOURS)))
        for box, count in zip(boxes, votes, strict=True)
    ]


def _detect_mtcnn(photo, min_face):
    found = _load_mtcnn().detect_faces(photo)
    faces = []
    for face in found:
        points = face["keypoints"]
        mouth = np.mean([points["mouth_left"], points["mouth_right"]], axis=0)
        # MTCNN's left is the person's own
        eyes = sorted([points["left_eye"], points["right_eye"]])
        if face["box"][2] >= min_face:
            keypoints = np.array([*eyes, points["nose"], mouth], dtype=float)
            faces.append(Face(_frame(face["box"], "mtcnn"), float(face["confidence"]), keypoints))
    return faces


@cache
def _load_mtcnn():
    try:
        from mtcnn import MTCNN
    except ImportError as error:
        raise ValueError("detector 'mtcnn' is not installed: pip install 'ferlib[mtcnn]'") from error
    return MTCNN()


DETECTORS = {"blazeface": _detect_blazeface, "haar": _detect_haar, "mtcnn": _detect_mtcnn}


def detect_faces(photo, *, detector="blazeface", min_face=48):
    """Find the faces in a photo.

    Parameters
    ----------
    photo : (H, W, 3) uint8
        RGB, upright, as `read_photo` gives it.
    detector : {"blazeface", "haar", "mtcnn"}
        BlazeFace finds rolled, dark and half-hidden faces; "haar" is the cascade of Viola and Jones (2001) that OpenCV
        ships, for upright frontal faces; "mtcnn" is the package of that name (Zhang et al. 2016), if it is installed.
    min_face : int
        Smallest width of a face in pixels of the photo. Smaller takes longer; in photos of more than 1,700 pixels
        BlazeFace finds faces from about 1/36 of the longer side, whatever is asked for.

    Returns
    -------
    list of Face
        Left to right, as people in a photo are named; empty if there is no face.

    Raises
    ------
    ValueError
        If the photo is no such array or there is no such detector.
    """
    check_photo(photo)
    if detector not in DETECTORS:
        raise ValueError(f"detector {detector!r}: expected one of {', '.join(DETECTORS)}")
    found = DETECTORS[detector](photo, min_face)
    return sorted(found, key=lambda face: (face.box[0], face.box[1]))


def _frame(box, detector):
    """A detector's box as FER2013 would frame the face: a square of whole pixels."""
    x, y, width, height = box
    factor, down = FRAMES[detector]
    side = max(width, height)
    left, top = x + width / 2 - factor * side / 2, y + height / 2 + down * side - factor * side / 2
    return round(left), round(top), max(1, round(factor * side)), max(1, round(factor * side))


def crop_face(photo, face):
    """Cut a face out as FER2013 would show it: with eyes and mouth where they are there, if the face has keypoints.

    Parameters
    ----------
    photo : (H, W, 3) uint8
        RGB.
    face : Face
        Without keypoints its box is cut out. What lies beyond the photo's edge repeats the edge.

    Returns
    -------
    (48, 48) uint8
        Grey; a dark face is lightened.

    Raises
    ------
    ValueError
        If the photo is no such array, or the face's box lies outside the photo.
    """
    check_photo(photo)
    height, width = photo.shape[:2]
    x, y, w, h = face.box
    if w < 1 or h < 1 or x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise ValueError(f"box {face.box} does not lie in the photo of {width}x{height} pixels")
    if face.keypoints is None:
        zoom, shift = complex(w / IMAGE_SIZE), complex(x, y)
    else:
        zoom, shift = _similarity(ALIGNED, face.keypoints[[0, 1, 3]])
    # drawn larger and then averaged, so that a large face is not jagged
    finer = min(16, int(np.ceil(abs(zoom))))
    step = zoom / finer
    corner = shift + step * (0.5 + 0.5j) - (0.5 + 0.5j)  # pixels are squares, and cv2 counts from their centres
    matrix = np.array([[step.real, -step.imag, corner.real], [step.imag, step.real, corner.imag]])
    fine = cv2.warpAffine(
        *[photo, matrix, (IMAGE_SIZE * finer, IMAGE_SIZE * finer)],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    grey = cv2.cvtColor(fine, cv2.COLOR_RGB2GRAY)
    return lighten(cv2.resize(grey, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA))


def _similarity(source, target):
    """Rotation with zoom, and shift, as complex numbers, that bring points nearest to others (least squares)."""
    source, target = source @ [1, 1j], target @ [1, 1j]
    spread = source - source.mean()
    zoom = (spread.conj() @ target) / (spread.conj() @ spread).real
    return zoom, target.mean() - zoom * source.mean()
