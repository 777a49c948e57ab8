"""Photos of any kind -> upright RGB pixels."""

import io
from datetime import datetime
from pathlib import Path

import numpy as np

# Named, because Pillow would otherwise also start Ghostscript and other programs on a hostile file.
PHOTO_FORMATS = "JPEG PNG WEBP GIF BMP TIFF PPM JPEG2000".split()

HEIF_BRANDS = "heic heix heim heis hevc hevx mif1 msf1".split()

PHOTO_SUFFIXES = set(".jpg .jpeg .jpe .jfif .png .webp .gif .bmp .tif .tiff .ppm .jp2 .heic .heif .hif".split())
"""They pick the photos of a folder; to read one, its content counts."""

MAX_MEMORY = 1_000_000_000
"""Bytes that decoding may take, the picture's own three a pixel included; a file is no larger either."""

BYTES_A_PIXEL = 10
"""What decoding takes at most (measured: 8): 100 megapixels can be read, and less where a decoder takes more."""

DECODERS_BYTES = {"progressive": 12, "WEBP": 17, "JPEG2000": 25}

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
        If it is empty, truncated, no picture, a HEIC photo without the package pillow-heif, or so large that decoding
        would take more than `MAX_MEMORY` or than there is.
    """
    from PIL import Image, ImageOps

    in_memory = isinstance(source, bytes | bytearray | memoryview)
    name, most = "this file" if in_memory else str(source), MAX_MEMORY // BYTES_A_PIXEL
    if not in_memory and not Path(source).is_file():
        if Path(source).exists():
            raise PhotoError(f"{name} is a folder or a device: expected a photo")
        raise FileNotFoundError(f"{name}: no such photo")
    with io.BytesIO(source) if in_memory else Path(source).open("rb") as file:
        formats = PHOTO_FORMATS + _heif_format(name, file.read(12))
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if not size:
            raise PhotoError(f"{name} is empty (0 bytes): choose another file")
        if size > MAX_MEMORY:
            raise PhotoError(f"{name} has {size / 1e9:.1f} GB, too many for a photo: make it smaller first")
        try:
            image = Image.open(file, formats=formats)
            kinds = (image.format, *image.info)
            most = MAX_MEMORY // max(DECODERS_BYTES.get(kind, BYTES_A_PIXEL) for kind in kinds)
            if image.width * image.height > most:
                raise Image.DecompressionBombError
        except Image.DecompressionBombError:
            raise PhotoError(f"{name} has more than {most // 10**6} megapixels: make it smaller first") from None
        except Exception as error:
            raise PhotoError(
                f"{name} is not a picture that can be read: expected JPEG, PNG, WebP, GIF, BMP or TIFF"
            ) from error
        try:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb(image)
        except MemoryError:
            raise PhotoError(f"{name} takes more memory than there is: make it smaller first") from None
        # Pillow's decoders raise a dozen kinds of exception on damaged data; none is swallowed
        except Exception as error:
            raise PhotoError(f"{name} is damaged or truncated ({error}): get a whole copy of it") from error


def photo_time(path):
    """When a photo that can be read was taken, by its camera's clock: datetime, or None if EXIF does not say it."""
    from PIL import ExifTags, Image

    try:
        with Image.open(path) as image:
            text = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal]
        return datetime.strptime(text.strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except Exception:  # as for pixels, Pillow raises a dozen kinds on damaged EXIF; the photo counts without its time
        return None


def _heif_format(name, head):
    """Pillow's name of the format, in a list, if a file begins as a HEIC photo, which the package pillow-heif reads."""
    if head[4:8] != b"ftyp" or head[8:12].decode("latin-1") not in HEIF_BRANDS:
        return []
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise PhotoError(
            f"{name} is a HEIC photo: `pip install pillow-heif` and try again, or save it as JPEG"
        ) from None
    register_heif_opener()
    return ["HEIF"]


def _to_rgb(image):
    """Pixels (H, W, 3) uint8 of a Pillow image; a few rows at a time, so that the cache holds all their forms."""
    width, height = image.size
    # integers above 255 are 16-bit; floating-point pictures are 0..1
    highest = image.getextrema()[1] if image.mode == "F" or image.mode.startswith("I") else None
    pixels, rows = np.empty((height, width, 3), np.uint8), max(1, 2**15 // width)
    for top in range(0, height, rows):
        part = image.crop((0, top, width, min(height, top + rows)))
        pixels[top : top + rows] = _part_to_rgb(part, highest)
    return pixels


def _part_to_rgb(image, highest):
    from PIL import Image

    if highest is not None:  # 16 or 32 bits: Pillow would clip at 255
        scale = 255 / 65535 if highest > 255 else (255 if highest <= 1 else 1)
        return (np.asarray(image, dtype=np.float64) * scale).round().clip(0, 255)[..., None]
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def sample_photo():
    """A portrait in the public domain, (512, 512, 3) uint8 RGB: the astronaut Eileen Collins (NASA)."""
    return read_photo(Path(__file__).parent / "astronaut.jpg")


def lighten(pixels):
    """Brighten a picture, of any shape and uint8, whose brightest parts are below `DARK_BELOW`; return others as is."""
    few = pixels[::4, ::4]
    if np.count_nonzero(few >= DARK_BELOW) > 1 + few.size / 100:  # the percentile is that bright, and slow to tell
        return pixels
    brightest = max(8, np.percentile(few, 99))
    if brightest >= DARK_BELOW:
        return pixels
    return np.clip(pixels * np.float32(255 / brightest), 0, 255).astype(np.uint8)


def check_photo(photo):
    """Raise ValueError unless `photo` is an (H, W, 3) uint8 array of at least one pixel."""
    is_array = isinstance(photo, np.ndarray)
    if not (is_array and photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3 and photo.size):
        seen = f"{photo.shape} {photo.dtype}" if is_array else type(photo).__name__
        raise ValueError(f"photo is {seen}: expected (height, width, 3) uint8 RGB, as read_photo gives it")
