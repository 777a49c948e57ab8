"""Face detection, and alignment: each face as 48x48 grey pixels that look like FER2013's.

A photo is (H, W, 3) uint8 RGB, upright, as `read_photo` gives it; any other array raises ValueError.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ferlib.config import IMAGE_SIZE
from ferlib.inference import _blazeface
from ferlib.inference._photos import check_photo, lighten

# Where BlazeFace finds eyes and mouth in FER2013's own images: medians of 782 Training faces, made symmetric.
# The nose is left out: it wanders most when a head turns.
REFERENCE_LANDMARKS = np.array([[14.9, 19.0], [33.1, 19.0], [24.0, 37.3]])
# FER2013's frame, and how far its centre lies below that of BlazeFace's box, in widths of that box; the same faces.
FRAME_WIDTH, FRAME_SHIFT = 1.10, -0.06


@dataclass(frozen=True, eq=False)
class Detection:
    """A face found in a photo.

    Attributes
    ----------
    box : tuple of int
        (x, y, width, height) in pixels of the upright photo, framed as FER2013 frames its faces: a square from the
        forehead to the chin. It may reach over the photo's edge.
    score : float
        In (0, 1), larger is more certain.
    keypoints : (4, 2) float or None
        (x, y) in pixels of left eye, right eye, nose and mouth, where left is what is on the left of the upright face
        as one sees it; None if they are not known.
    """

    box: tuple[int, int, int, int]
    score: float
    keypoints: np.ndarray | None = None


def detect_faces(photo, *, min_face=48):
    """Find the faces in a photo with BlazeFace, which finds rolled, dark and half-hidden ones too.

    Parameters
    ----------
    min_face : int
        Smallest width of a face in pixels of the photo. Smaller takes longer; in photos of more than 1,700 pixels faces
        are found from about 1/36 of the longer side, whatever is asked for.

    Returns
    -------
    list of Detection
        Left to right, as people in a photo are named; empty if there is no face.
    """
    check_photo(photo)
    found = _blazeface.find_faces(photo, min_face)
    detections = [Detection(_frame(box), float(score), points) for box, points, score in found]
    return sorted(detections, key=lambda detection: detection.box[:2])


def _frame(box):
    """A box of BlazeFace as FER2013 would frame the face: a square of whole pixels."""
    x, y, width, height = box
    side = max(width, height)
    left = x + width / 2 - FRAME_WIDTH * side / 2
    top = y + height / 2 + FRAME_SHIFT * side - FRAME_WIDTH * side / 2
    framed = max(1, round(FRAME_WIDTH * side))
    return round(left), round(top), framed, framed


def crop_face(photo, detection):
    """Cut a face out as FER2013 would show it: aligned by eyes and mouth, or its box if it has no keypoints.

    Returns
    -------
    (48, 48) uint8
        Grey; a dark face is lightened. What lies beyond the photo's edge repeats the edge.

    Raises
    ------
    ValueError
        If the box lies outside the photo.
    """
    check_photo(photo)
    height, width = photo.shape[:2]
    x, y, w, h = detection.box
    if w < 1 or h < 1 or x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise ValueError(f"box {detection.box} does not lie in the photo of {width}x{height} pixels")
    if detection.keypoints is None:
        zoom, shift = complex(w / IMAGE_SIZE), complex(x, y)
    else:
        zoom, shift = _similarity_transform(REFERENCE_LANDMARKS, detection.keypoints[[0, 1, 3]])
    # drawn larger and then averaged, so that a large face is not jagged
    finer = min(16, int(np.ceil(abs(zoom))))
    step = zoom / finer
    corner = shift + step * (0.5 + 0.5j) - (0.5 + 0.5j)  # pixels are squares, and cv2 counts from their centres
    matrix = np.array([[step.real, -step.imag, corner.real], [step.imag, step.real, corner.imag]])
    size, flags = (IMAGE_SIZE * finer, IMAGE_SIZE * finer), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(photo, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(fine, cv2.COLOR_RGB2GRAY)
    return lighten(cv2.resize(grey, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA))


def _similarity_transform(source, target):
    """Rotation with zoom, and shift, as complex numbers, that bring points nearest to others (Umeyama 1991)."""
    source, target = source @ [1, 1j], target @ [1, 1j]
    centred = source - source.mean()
    zoom = (centred.conj() @ target) / (centred.conj() @ centred).real
    return zoom, target.mean() - zoom * source.mean()
