import io

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
    import tracemalloc

    data = encode(Image.new("1", (30_000, 30_000)))
    assert len(data) < 200_000
    tracemalloc.start()
    with pytest.raises(PhotoError, match="megapixels"):
        read_photo(data)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
