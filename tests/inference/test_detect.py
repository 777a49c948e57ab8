from dataclasses import replace

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from ferlib.inference import Detection, crop_face, detect_faces, sample_photo
from ferlib.inference._detect import REFERENCE_LANDMARKS
from ferlib.inference._litert import Network

FACE = np.array([225, 117])  # the middle of the astronaut's


def astronaut(*, roll=0, scale=1, light=1, noise=0, blur=0):
    """The sample photo changed, and where its face then is."""
    photo = sample_photo().astype(np.float32)
    turn = cv2.getRotationMatrix2D(FACE.tolist(), roll, 1)
    photo = cv2.warpAffine(photo, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE) * light
    photo += np.random.default_rng(0).normal(0, noise, photo.shape)
    if blur:
        photo = cv2.GaussianBlur(photo, (0, 0), blur)
    photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return photo.clip(0, 255).astype(np.uint8), FACE * scale


def half_in_shadow():
    photo = sample_photo()
    photo[:, 225:] = photo[:, 225:] // 5
    return photo, FACE


def mouth_covered():
    photo = sample_photo()
    photo[132:185, 180:265] = 200
    return photo, FACE


VARIANTS = {
    **{f"rolled by {roll}": {"roll": roll} for roll in (0, 15, -30, 45, 60, 90, -90)},
    **{f"scaled by {scale}": {"scale": scale} for scale in (0.25, 0.4, 2, 4)},
    **{f"light {light}": {"light": light} for light in (0.3, 0.15, 0.08)},
    "noise": {"noise": 40},
    "blur": {"blur": 6},
    "shadow": None,
    "mouth covered": None,
}


def page_of_text():
    page = np.full((400, 500, 3), 235, np.uint8)
    for line in range(12):
        cv2.putText(page, "The quick brown fox jumps", (8, 30 + 32 * line), cv2.FONT_HERSHEY_SIMPLEX, 1, (20,) * 3, 2)
    return page


def stones():
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8), (0, 0), 6)
    return cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX)


X, Y = np.meshgrid(np.arange(500), np.arange(400))
NO_FACE = {
    "a temple": lambda: load_sample_images().images[0],
    "a flower": lambda: load_sample_images().images[1],
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8),
    "stones": stones,
    "text": page_of_text,
    "rings": lambda: grey(127 + 120 * np.sin(np.hypot(X - 250, Y - 200) / 6)),
    "waves": lambda: grey(127 + 120 * np.sin(X / 9) * np.cos(Y / 13)),
    "bricks": lambda: grey(90 + 100 * (((X + 20 * (Y // 20 % 2)) % 40 > 3) & (Y % 20 > 3))),
}


def grey(values):
    return np.stack([values.astype(np.uint8)] * 3, -1)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_face_is_found_however_it_was_taken(variant):
    special = {"shadow": half_in_shadow, "mouth covered": mouth_covered}
    photo, middle = special[variant]() if variant in special else astronaut(**VARIANTS[variant])
    (face,) = detect_faces(photo)
    x, y, width, height = face.box
    assert np.abs([x + width / 2, y + height / 2] - middle).max() < 0.2 * width
    assert 0.2 * len(photo) < width < 0.27 * len(photo)
    assert 0.5 < face.score < 1


@pytest.mark.parametrize("name", NO_FACE)
def test_nothing_is_found_where_there_is_no_face(name):
    assert detect_faces(NO_FACE[name]()) == []


def test_keypoints_are_on_eyes_nose_and_mouth():
    (face,) = detect_faces(sample_photo())
    assert np.allclose(face.keypoints, [[202, 105], [247, 106], [224, 132], [224, 151]], atol=5)


@pytest.mark.parametrize("roll", [-90, -45, 30, 90])
def test_crops_are_upright_whatever_the_roll(roll):
    (straight,), (rolled,) = (detect_faces(astronaut(roll=angle)[0]) for angle in (0, roll))
    expected = crop_face(sample_photo(), straight).astype(float)
    crop = crop_face(astronaut(roll=roll)[0], rolled).astype(float)
    assert np.corrcoef(expected.ravel(), crop.ravel())[0, 1] > 0.8


def test_eyes_and_mouth_come_where_fer2013_has_them():
    photo = np.full((400, 400, 3), 30, np.uint8)
    keypoints = np.array([[150.0, 130], [200, 180], [0, 0], [110, 210]])  # rolled by 45 degrees
    for x, y in keypoints.astype(int):
        cv2.circle(photo, (int(x), int(y)), 9, (255, 255, 255), -1)
    crop = crop_face(photo, Detection((100, 100, 200, 200), 1.0, keypoints))
    for x, y in REFERENCE_LANDMARKS:
        assert crop[round(y - 0.5), round(x - 0.5)] > 180
    assert np.median(crop) < 60


def test_small_and_large_faces_come_left_to_right():
    pair = np.concatenate([sample_photo(), sample_photo()[:, ::-1]], axis=1)
    first, second = detect_faces(pair)
    assert first.box[0] < 512 < second.box[0]
    (small,) = detect_faces(np.ascontiguousarray(sample_photo()[::2, ::2]))
    assert small.box[2] == pytest.approx(first.box[2] / 2, rel=0.15)


def test_group_photo_with_small_faces():
    """A wall of 2048x1536 with twelve faces of about 60 pixels, some of them rolled."""
    wall = np.full((1536, 2048, 3), 110, np.uint8)
    for i in range(12):
        x, y = 60 + 500 * (i % 4), 90 + 480 * (i // 4)
        wall[y : y + 256, x : x + 256] = astronaut(roll=8 * (i - 6), scale=0.5)[0]
    found = detect_faces(wall)
    assert len(found) == 12
    assert all(50 < face.box[2] < 75 for face in found)


def test_no_face_gives_an_empty_list():
    for shape in [(200, 300, 3), (1, 1, 3), (1, 5000, 3), (5000, 1, 3)]:
        assert detect_faces(np.full(shape, 128, np.uint8)) == []


def test_a_small_photo_without_a_trace_of_a_face_takes_three_looks(monkeypatch):
    looks, look = [], Network.__call__
    monkeypatch.setattr(Network, "__call__", lambda network, batch: looks.append(len(batch)) or look(network, batch))
    assert detect_faces(cv2.resize(stones(), (199, 148))) == []
    assert looks == [1, 1, 1]


def test_box_is_cut_out_as_it_is():
    photo = np.zeros((200, 200, 3), np.uint8)
    photo[50:98, 50:98] = 255
    crop = crop_face(photo, Detection((50, 50, 48, 48), 1.0))
    assert crop.shape == (48, 48) and crop.dtype == np.uint8 and (crop == 255).all()
    larger = crop_face(photo, Detection((26, 26, 96, 96), 1.0))
    assert (larger[12:36, 12:36] == 255).all() and (larger[:11] == 0).all()


def test_crop_over_the_edge_repeats_the_edge():
    photo = np.full((60, 60, 3), 150, np.uint8)
    for box in [(-20, -20, 50, 50), (40, 40, 50, 50)]:
        assert (crop_face(photo, Detection(box, 1.0)) == 150).all()


@pytest.mark.parametrize("box", [(100, 0, 10, 10), (0, 0, 0, 5), (-20, 0, 10, 10)])
def test_crop_outside_the_photo_is_refused(box):
    with pytest.raises(ValueError, match="does not lie in the photo of 60x60"):
        crop_face(np.zeros((60, 60, 3), np.uint8), Detection(box, 1.0))


def test_without_keypoints_the_box_counts():
    (face,) = detect_faces(astronaut(roll=30)[0])
    aligned, plain = (crop_face(astronaut(roll=30)[0], f) for f in (face, replace(face, keypoints=None)))
    assert not np.array_equal(aligned, plain)
