import io
import os
import random
import struct
import sys
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ferlib.inference import PhotoError, read_photo, sample_photo
from ferlib.inference._photos import check_photo, lighten


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def gradient():
    """A picture whose every corner differs: 40 wide, 20 high."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, 40)
    pixels[..., 1] = np.linspace(0, 255, 20)[:, None]
    return pixels


def test_photo_comes_from_bytes_and_from_path(tmp_path, gradient):
    data = encode(Image.fromarray(gradient))
    (tmp_path / "photo.png").write_bytes(data)
    assert np.array_equal(read_photo(data), gradient)
    assert np.array_equal(read_photo(tmp_path / "photo.png"), gradient)
    assert np.array_equal(read_photo(str(tmp_path / "photo.png")), gradient)


@pytest.mark.parametrize(("orientation", "turn"), [(3, 2), (6, 3), (8, 1)])
def test_photo_is_upright(gradient, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = read_photo(encode(Image.fromarray(gradient), exif=exif))
    assert np.array_equal(photo, np.rot90(gradient, turn))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1", "I;16", "I", "F"])
def test_every_mode_gives_the_same_picture(mode):
    grey = np.zeros((16, 16), np.uint8)
    grey[:, 8:] = 255
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode == "I":
        image = Image.fromarray(grey.astype(np.int32) * 257)
    elif mode == "F":
        image = Image.fromarray(grey.astype(np.float32) / 255)
    else:
        image = Image.fromarray(grey).convert("RGB").convert(mode)
    assert np.array_equal(read_photo(encode(image, "TIFF")), np.stack([grey] * 3, axis=-1))


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert (read_photo(encode(clear)) == 255).all()


def test_cmyk_jpeg_keeps_its_colour():
    red = Image.new("RGB", (16, 16), (255, 0, 0)).convert("CMYK")
    assert np.allclose(read_photo(encode(red, "JPEG")).mean(axis=(0, 1)), (255, 0, 0), atol=4)


def test_animation_gives_its_first_frame():
    frames = [Image.new("L", (8, 8), value) for value in (0, 255)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (read_photo(data) == 0).all()


def test_bad_files_get_a_sentence(tmp_path):
    whole = encode(Image.fromarray(sample_photo()), "JPEG")
    with pytest.raises(PhotoError, match="empty"):
        read_photo(b"")
    with pytest.raises(PhotoError, match="not a picture"):
        read_photo(b"emotion,pixels,Usage\n0,70 80 82,Training\n")
    with pytest.raises(PhotoError, match="truncated"):
        read_photo(whole[: len(whole) // 2])
    with pytest.raises(PhotoError, match="folder"):
        read_photo(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such photo"):
        read_photo(tmp_path / "nobody.jpg")
    (tmp_path / "notes.jpg").write_text("milk, bread")
    with pytest.raises(PhotoError, match=r"notes\.jpg is not a picture"):
        read_photo(tmp_path / "notes.jpg")


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("side", [10_100, 20_000])
def test_huge_photo_is_refused_before_it_is_decoded(side):
    data = encode(Image.new("1", (side, side)))
    with pytest.raises(PhotoError, match="more than 100 megapixels"):
        read_photo(data)


@pytest.mark.parametrize(
    "photo",
    [np.zeros((48, 48), np.uint8), np.zeros((48, 48, 3)), np.zeros((0, 5, 3), np.uint8), "photo.jpg"],
)
def test_what_is_no_photo_is_refused(photo):
    with pytest.raises(ValueError, match=r"expected .height, width, 3. uint8 RGB"):
        check_photo(photo)


def test_only_dark_pictures_are_lightened():
    photo = sample_photo()
    assert lighten(photo) is photo
    dark = (photo * 0.15).astype(np.uint8)
    assert np.percentile(lighten(dark), 99) > 200
    assert lighten(np.zeros((5, 5), np.uint8)).max() == 0


def test_odd_but_valid_files_are_read():
    one_pixel = encode(Image.new("RGB", (1, 1), "red"))
    assert read_photo(one_pixel).tolist() == [[[255, 0, 0]]]
    assert read_photo(encode(Image.new("RGB", (9, 1)), "WEBP")).shape == (1, 9, 3)


def test_the_content_counts_not_the_name(tmp_path, gradient):
    (tmp_path / "photo.jpg").write_bytes(encode(Image.fromarray(gradient), "PNG"))
    assert np.array_equal(read_photo(tmp_path / "photo.jpg"), gradient)


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(PhotoError):
        read_photo(b"P6 0 0 255\n")


def test_a_small_file_that_unpacks_to_a_huge_one_takes_no_memory():
    """30,000 x 30,000 black pixels in 110 kB."""
    data = encode(Image.new("1", (30_000, 30_000)))
    assert len(data) < 200_000
    tracemalloc.start()
    with pytest.raises(PhotoError, match="megapixels"):
        read_photo(data)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_16_bit_picture_takes_little_more_memory_than_its_pixels():
    data = encode(Image.fromarray(np.full((3000, 3000), 30_000, np.uint16)))
    tracemalloc.start()
    photo = read_photo(data)
    assert tracemalloc.get_traced_memory()[1] < 2 * photo.nbytes
    tracemalloc.stop()
    assert photo.shape == (3000, 3000, 3) and (photo == 117).all()


@pytest.mark.parametrize(
    ("kind", "options", "most"),
    [("JPEG", {"progressive": True}, 83), ("WEBP", {}, 58), ("JPEG2000", {}, 40)],
)
def test_decoders_that_take_more_memory_read_smaller_pictures(kind, options, most, monkeypatch):
    data = encode(Image.new("RGB", (1300, 1000)), kind, **options)
    assert read_photo(data).shape == (1000, 1300, 3)
    monkeypatch.setattr("ferlib.inference._photos.MAX_MEMORY", 10_000_000)  # a hundredth, for pictures of a hundredth
    with pytest.raises(PhotoError, match="more than 0 megapixels: make it smaller"):
        read_photo(data)
    side = int((most * 9000) ** 0.5)
    assert read_photo(encode(Image.new("RGB", (side, side)), kind, **options)).shape == (side, side, 3)


def test_too_little_memory_is_told(monkeypatch):
    data = encode(Image.new("RGB", (8, 8)))

    def fail(image):
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(PhotoError, match="takes more memory than there is: make it smaller"):
        read_photo(data)


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "disk.webp").open("wb") as file:
        file.truncate(5 * 10**9)
    with pytest.raises(PhotoError, match=r"disk\.webp has 5\.0 GB"):
        read_photo(tmp_path / "disk.webp")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PhotoError, match="a device: expected a photo"):
        read_photo(tmp_path / "pipe.jpg")


def test_heic_names_the_way_out_or_is_read(monkeypatch, gradient):
    photo = b"\0\0\0\x1cftypheic\0\0\0\0mif1heic"
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoError, match="HEIC photo: `pip install pillow-heif`"):
        read_photo(photo)

    class HeifFile(Image.Image):
        format = "HEIF"

    def open_heif(file, name):
        image = HeifFile()
        image.__dict__.update(vars(Image.fromarray(gradient)))
        return image

    monkeypatch.setattr(Image, "OPEN", Image.OPEN | {"HEIF": (open_heif, None)})
    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(register_heif_opener=lambda: None))
    assert np.array_equal(read_photo(photo), gradient)


def mutate(data, rng):
    """Cut, flip, leave out or put in bytes, or claim a huge side."""
    data, place = bytearray(data), rng.randrange(len(data) - 4)
    match rng.randrange(5):
        case 0:
            del data[place + 1 :]
        case 1:
            data[place] ^= rng.randrange(1, 256)
        case 2:
            del data[place : place + rng.choice([1, 100])]
        case 3:
            data[place:place] = rng.randbytes(rng.choice([1, 100]))
        case 4:
            place = rng.randrange(min(300, len(data) - 4))
            data[place : place + 4] = struct.pack(rng.choice(["<I", ">I"]), rng.choice([10_000, 2**31, 2**32 - 1]))
    return bytes(data)


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_give_a_picture_or_a_sentence(gradient):
    portrait, rng = Image.fromarray(sample_photo()).resize((120, 120)), random.Random(0)
    kinds = "JPEG PNG WEBP GIF BMP TIFF".split()
    files = [encode(image, kind) for image in (portrait, Image.fromarray(gradient)) for kind in kinds]
    outcomes = []
    for data in [mutate(data, rng) for data in files for _ in range(5)]:
        try:
            outcomes.append(read_photo(data).ndim)
        except PhotoError as error:
            outcomes.append(str(error)[:9])
    assert set(outcomes) == {3, "this file"}
