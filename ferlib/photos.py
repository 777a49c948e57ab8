"""A photo of any kind -> upright pixels in colour."""

import io
from pathlib import Path

import numpy as np

MAX_PIXELS = 100_000_000
"""Largest photo that is decoded: 100 megapixels are 300 MB of memory."""

DARK = 100
"""Grey value, 0..255; seen in a good light, a face has brighter parts."""

# Named, because Pillow would otherwise also start Ghostscript and other guests on a hostile file.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")


class PhotoError(ValueError):
    """A file that cannot be read as a photo; says its name and why."""


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
    PhotoError
        If it is empty, truncated, no picture, or larger than `MAX_PIXELS`.
    """
    from PIL import Image, ImageOps

    name = "this file" if isinstance(source, bytes | bytearray | memoryview) else str(source)
    with _open_bytes(source) as file:
        if not file.read(1):
            raise PhotoError(f"{name} is empty (0 bytes): choose another file")
        file.seek(0)
        try:
            image = Image.open(file, formats=FORMATS)
        except Image.DecompressionBombError:
            raise PhotoError(_too_large(name)) from None
        except Exception as error:
            raise PhotoError(
                f"{name} is not a picture that can be read: expected JPEG, PNG, WebP, GIF, BMP or TIFF"
            ) from error
        if image.width * image.height > MAX_PIXELS:
            raise PhotoError(_too_large(name, image.size))
        try:
            image.load()
            return np.array(_to_rgb(ImageOps.exif_transpose(image)))
        # Pillow's decoders raise a dozen kinds of exception on damaged data; none is swallowed
        except Exception as error:
            raise PhotoError(f"{name} is damaged or truncated ({error}): get a whole copy of it") from error


def _open_bytes(source):
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    path = Path(source)
    if path.is_dir():
        raise PhotoError(f"{path} is a folder: expected a photo")
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


def lighten(pixels):
    """Turn up the light of a picture whose brightest parts (99th percentile) are darker than `DARK`.

    Parameters
    ----------
    pixels : array of uint8

    Returns
    -------
    array of uint8
        The same pixels unless they were dark.
    """
    brightest = max(8, np.percentile(pixels[::4, ::4], 99))
    if brightest >= DARK:
        return pixels
    return np.clip(pixels * np.float32(255 / brightest), 0, 255).astype(np.uint8)


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
