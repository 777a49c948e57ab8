"""Photos of any kind -> upright RGB pixels."""

import io
from pathlib import Path

import numpy as np

# Named, because Pillow would otherwise also start Ghostscript and other programs on a hostile file.
PHOTO_FORMATS = "JPEG PNG WEBP GIF BMP TIFF PPM JPEG2000".split()

PHOTO_SUFFIXES = set(".jpg .jpeg .png .webp .gif .bmp .tif .tiff .ppm .jp2".split())
"""They pick the photos of a folder; to read one, its content counts."""

MAX_PIXELS = 100_000_000
"""Largest photo that is decoded: 100 megapixels are 300 MB of memory."""

DARK_BELOW = 100
"""Grey value, 0..255, of the 99th percentile: in good light, a face has brighter parts."""


class PhotoError(ValueError):
    """A file that cannot be read as a photo or video; says its name and why."""


def read_photo(source):
    """Read a photo of any common kind: upright, in colour, eight bits a channel.

    EXIF orientation is applied, transparency laid on white, grey, palette, 16-bit and CMYK pictures are converted; of
    an animation, the first frame is taken.

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

    in_memory = isinstance(source, bytes | bytearray | memoryview)
    name = "this file" if in_memory else str(source)
    if not in_memory and Path(source).is_dir():
        raise PhotoError(f"{name} is a folder: expected a photo")
    if not in_memory and not Path(source).exists():
        raise FileNotFoundError(f"{name}: no such photo")
    with io.BytesIO(source) if in_memory else Path(source).open("rb") as file:
        if not file.read(1):
            raise PhotoError(f"{name} is empty (0 bytes): choose another file")
        file.seek(0)
        try:
            image = Image.open(file, formats=PHOTO_FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
        except Image.DecompressionBombError:
            raise PhotoError(f"{name} has more than {MAX_PIXELS // 10**6} megapixels: make it smaller first") from None
        except Exception as error:
            raise PhotoError(
                f"{name} is not a picture that can be read: expected JPEG, PNG, WebP, GIF, BMP or TIFF"
            ) from error
        try:
            image.load()
            return np.array(_to_rgb(ImageOps.exif_transpose(image)))
        # Pillow's decoders raise a dozen kinds of exception on damaged data; none is swallowed
        except Exception as error:
            raise PhotoError(f"{name} is damaged or truncated ({error}): get a whole copy of it") from error


def _to_rgb(image):
    from PIL import Image

    if image.mode == "F" or image.mode.startswith("I"):  # 16 or 32 bits: Pillow would clip at 255
        pixels = np.asarray(image, dtype=np.float64)
        # integers above 255 are 16-bit; floating-point pictures are 0..1
        scale = 255 / 65535 if pixels.max() > 255 else (255 if pixels.max() <= 1 else 1)
        image = Image.fromarray((pixels * scale).round().clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def sample_photo():
    """A portrait in the public domain, (512, 512, 3) uint8 RGB: the astronaut Eileen Collins (NASA)."""
    return read_photo(Path(__file__).parent / "astronaut.jpg")


def lighten(pixels):
    """Brighten a picture, of any shape and uint8, whose brightest parts are below `DARK_BELOW`; return others as is."""
    brightest = max(8, np.percentile(pixels[::4, ::4], 99))
    if brightest >= DARK_BELOW:
        return pixels
    return np.clip(pixels * np.float32(255 / brightest), 0, 255).astype(np.uint8)


def check_photo(photo):
    """Raise ValueError unless `photo` is an (H, W, 3) uint8 array of at least one pixel."""
    is_array = isinstance(photo, np.ndarray)
    if not (is_array and photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3 and photo.size):
        seen = f"{photo.shape} {photo.dtype}" if is_array else type(photo).__name__
        raise ValueError(f"photo is {seen}: expected (height, width, 3) uint8 RGB, as read_photo gives it")
