import io

import numpy as np
import pytest
from PIL import Image

from ferlib import faces
from ferlib.faces import crop_face, detect_faces, read_photo, sample_photo


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
    with pytest.raises(ValueError, match="empty"):
        read_photo(b"")
    with pytest.raises(ValueError, match="not a picture"):
        read_photo(b"emotion,pixels,Usage\n0,70 80 82,Training\n")
    with pytest.raises(ValueError, match="truncated"):
        read_photo(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="folder"):
        read_photo(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such photo"):
        read_photo(tmp_path / "nobody.jpg")
    (tmp_path / "notes.jpg").write_text("milk, bread")
    with pytest.raises(ValueError, match=r"notes\.jpg is not a picture"):
        read_photo(tmp_path / "notes.jpg")


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("side", [10_100, 20_000])
def test_huge_photo_is_refused_before_it_is_decoded(side):
    data = encode(Image.new("1", (side, side)))
    with pytest.raises(ValueError, match="more than 100 megapixels"):
        read_photo(data)


def test_sample_photo_has_one_face_where_it_is():
    photo = sample_photo()
    (face,) = detect_faces(photo)
    x, y, w, h = face.box
    assert x < 225 < x + w and y < 114 < y + h
    assert 80 < w < 130
    assert 0 < face.score < 1


def test_dark_and_small_and_large_faces_are_found():
    photo = sample_photo()
    assert len(detect_faces((photo * 0.1).astype(np.uint8))) == 1
    assert len(detect_faces(np.ascontiguousarray(photo[::2, ::2]))) == 1
    (face,) = detect_faces(photo.repeat(5, axis=0).repeat(5, axis=1))
    assert 400 < face.box[2] < 650


def test_faces_come_left_to_right():
    pair = np.concatenate([sample_photo(), sample_photo()], axis=1)
    first, second = detect_faces(pair)
    assert first.box[0] < 512 < second.box[0]
    assert detect_faces(pair, min_face=200) == []


def test_no_face_gives_an_empty_list():
    assert detect_faces(np.full((200, 300, 3), 128, np.uint8)) == []
    assert detect_faces(np.zeros((1, 1, 3), np.uint8)) == []
    assert detect_faces(np.zeros((1, 5000, 3), np.uint8)) == []


def test_unknown_detector_names_the_choices():
    with pytest.raises(ValueError, match=r"'dlib'.*haar"):
        detect_faces(sample_photo(), detector="dlib")


def test_missing_cascade_names_the_cure(monkeypatch):
    monkeypatch.setattr(faces, "CASCADE", "haarcascade_of_opencv5.xml")
    faces._load_cascade.cache_clear()
    with pytest.raises(ValueError, match="install opencv-python-headless"):
        detect_faces(sample_photo())


def test_crop_is_square_grey_and_a_little_wider_than_the_box():
    photo = np.zeros((200, 200, 3), np.uint8)
    photo[50:146, 50:98] = 255  # a box twice as high as wide
    crop = crop_face(photo, (50, 50, 48, 96))
    assert crop.shape == (48, 48) and crop.dtype == np.uint8
    assert (crop[24, :10] == 0).all() and crop[24, 24] == 255 and (crop[24, 38:] == 0).all()
    assert crop[0, 24] < 255 and crop[-1, 24] < 255


def test_crop_over_the_edge_repeats_the_edge():
    photo = np.full((60, 60, 3), 90, np.uint8)
    assert (crop_face(photo, (-20, -20, 50, 50)) == 90).all()
    assert (crop_face(photo, (40, 40, 50, 50)) == 90).all()


@pytest.mark.parametrize("box", [(100, 0, 10, 10), (0, 0, 0, 5), (-20, 0, 10, 10)])
def test_crop_outside_the_photo_is_refused(box):
    with pytest.raises(ValueError, match="does not lie in the photo of 60x60"):
        crop_face(np.zeros((60, 60, 3), np.uint8), box)


@pytest.mark.parametrize(
    "photo",
    [np.zeros((48, 48), np.uint8), np.zeros((48, 48, 3)), np.zeros((0, 5, 3), np.uint8), "photo.jpg"],
)
def test_what_is_no_photo_is_refused(photo):
    with pytest.raises(ValueError, match=r"expected .height, width, 3. uint8 RGB"):
        detect_faces(photo)
