"""Photo -> upright pixels, boxes of the faces in it, and 48x48 crops framed like FER2013."""

import io
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from ferlib.config import IMAGE_SIZE

MAX_PIXELS = 100_000_000
"""Largest photo that is decoded: 100 megapixels are 300 MB of memory."""

# Named, because Pillow would otherwise also start Ghostscript and other guests on a hostile file.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")

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

# On FER2013's own images, enlarged, the cascade's box is 0.96 of the image wide (median of 664) and
# centred within 1 %: so the crop is 4 % wider than the box.
FRAME = 1.04


@dataclass(frozen=True)
class Face:
    """A face found in a photo.

    Attributes
    ----------
    box : tuple of int
        (x, y, width, height) in pixels of the upright photo.
    score : float
        In (0, 1), larger is surer.
    """

    box: tuple[int, int, int, int]
    score: float


def read_photo(source):
    """Read a photo of any common kind: upright, in colour, eight bits a channel.

    EXIF orientation is applied, transparency laid on white, grey, palette, 16-bit and CMYK pictures are
    converted; of an animation, the first frame is taken.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or a file's content.

    Returns
    -------
    (H, W, 3) uint8
        RGB.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, truncated, no picture, or larger than `MAX_PIXELS`.
    """
    from PIL import Image, ImageOps

    name = "this file" if isinstance(source, bytes | bytearray | memoryview) else str(source)
    with _open_bytes(source) as file:
        if not file.read(1):
            raise ValueError(f"{name} is empty (0 bytes): choose another file")
        file.seek(0)
        try:
            image = Image.open(file, formats=FORMATS)
        except Image.DecompressionBombError:
            raise ValueError(_too_large(name)) from None
        except Exception as error:
            raise ValueError(
                f"{name} is not a picture that can be read: expected JPEG, PNG, WebP, GIF, BMP or TIFF"
            ) from error
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(_too_large(name, image.size))
        try:
            image.load()
            return np.array(_to_rgb(ImageOps.exif_transpose(image)))
        # Pillow's decoders raise a dozen kinds of exception on damaged data; none is swallowed
        except Exception as error:
            raise ValueError(f"{name} is damaged or truncated ({error}): get a whole copy of it") from error


def _open_bytes(source):
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    path = Path(source)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: expected a photo")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such photo")
    return path.open("rb")


def _too_large(name, size=None):
    size = f" ({size[0]}x{size[1]} pixels)" if size else ""
    return f"{name}{size} has more than {MAX_PIXELS // 10**6} megapixels: make it smaller first"


def _to_rgb(image):
    from PIL import Image

    if image.mode == "F" or image.mode.startswith("I"):  # 16 or 32 bits: Pillow would clip at 255
        pixels = np.asarray(image, dtype=np.float64)
        # integers above 255 are 16-bit; floating-point pictures are 0..1
        scale = 255 / 65535 if pixels.max() > 255 else (255 if pixels.max() <= 1 else 1)
        image = Image.fromarray((pixels * scale).round().clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def sample_photo():
    """A portrait that may be shown to anyone: the astronaut Eileen Collins.

    Returns
    -------
    (512, 512, 3) uint8
        RGB. From the installed scikit-image (`skimage.data.astronaut`; NASA, public domain), no download.
    """
    from skimage import data

    return data.astronaut()


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
        Face(tuple(int(value / scale) for value in box), float(count / (count + NEIGHBOURS)))
        for box, count in zip(boxes, votes, strict=True)
    ]


DETECTORS = {"haar": _detect_haar}


def detect_faces(photo, *, detector="haar", min_face=24):
    """Find the faces in a photo.

    Parameters
    ----------
    photo : (H, W, 3) uint8
        RGB, upright, as `read_photo` gives it.
    detector : {"haar"}
        "haar" is the cascade of Viola and Jones (2001) that OpenCV ships, for upright frontal faces.
    min_face : int
        Smallest width of a face in pixels of the photo.

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


def crop_face(photo, box):
    """Cut a face out as FER2013 would show it.

    Parameters
    ----------
    photo : (H, W, 3) uint8
        RGB.
    box : tuple of int
        (x, y, width, height); may reach over the photo's edge, whose pixels are then repeated.

    Returns
    -------
    (48, 48) uint8
        Grey. Square in the photo too, so the face is not squashed.

    Raises
    ------
    ValueError
        If the photo is no such array, or the box is empty or lies outside the photo.
    """
    check_photo(photo)
    height, width = photo.shape[:2]
    x, y, w, h = box
    if w < 1 or h < 1 or x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise ValueError(f"box {tuple(box)} does not lie in the photo of {width}x{height} pixels")
    side = max(1, round(max(w, h) * FRAME))
    left, top = round(x + (w - side) / 2), round(y + (h - side) / 2)
    rows = np.arange(top, top + side).clip(0, height - 1)
    columns = np.arange(left, left + side).clip(0, width - 1)
    grey = cv2.cvtColor(photo[np.ix_(rows, columns)], cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA)


def check_photo(photo):
    """Refuse what is not an RGB photo of at least one pixel.

    Raises
    ------
    ValueError
        Unless `photo` is an (H, W, 3) uint8 array.
    """
    if isinstance(photo, np.ndarray) and photo.dtype == np.uint8:
        if photo.ndim == 3 and photo.shape[2] == 3 and photo.size:
            return
        seen = f"an array of shape {photo.shape}"
    else:
        seen = f"{getattr(photo, 'dtype', type(photo).__name__)}"
    raise ValueError(f"photo is {seen}: expected (height, width, 3) uint8 RGB, as read_photo gives it")
