import cv2
import numpy as np
import pytest

from ferlib.data import Faces
from ferlib.synthetic import draw_faces
from ferlib.twins import find_near_duplicates


@pytest.fixture(scope="module")
def drawn():
    return draw_faces(1200, seed=11)


@pytest.fixture(scope="module")
def table(drawn):
    return find_near_duplicates(Faces(drawn.images, drawn.labels, drawn.usage, source="embedded"))


def test_planted_near_duplicates_are_found_and_little_else(drawn, table):
    copies = drawn.truth[drawn.truth["original"] >= 0]
    picture = np.arange(len(drawn.labels))  # which picture each row shows
    picture[copies["row"]] = copies["original"]
    right = picture[table["row"]] == picture[table["twin"]]
    near = set(copies["row"][copies["fault"] == "near_duplicate"])
    found = near & {*table["row"][right], *table["twin"][right]}
    assert len(found) >= 0.9 * len(near)
    assert right.mean() >= 0.9


def test_the_face_to_keep_is_the_tested_one_else_the_earlier(drawn, table):
    order = {"Training": 0, "PublicTest": 1, "PrivateTest": 2}
    for row, twin in table[["row", "twin"]].to_numpy().tolist():
        assert (-order[drawn.usage[twin]], twin) < (-order[drawn.usage[row]], row)


@pytest.mark.parametrize(
    "retouch",
    [
        lambda face: face[:, ::-1],
        lambda face: np.clip(face * 0.8 + 10, 0, 255).astype(np.uint8),
        lambda face: cv2.imdecode(cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 0),
        lambda face: cv2.resize(face[1:-1, 1:-1], (48, 48)),
        lambda face: np.pad(face, 1, mode="edge")[2:, 2:],
    ],
    ids=["mirrored", "brightened", "re-encoded", "cropped", "shifted"],
)
def test_every_kind_of_retouch_is_found(drawn, retouch):
    clean = drawn.images[:60]
    images = np.concatenate([clean, [retouch(face) for face in clean]])
    table = find_near_duplicates(Faces(images, np.zeros(120, int), np.array(["Training"] * 120)))
    found = {tuple(pair) for pair in table[["twin", "row"]].to_numpy().tolist()}
    assert len(found & {(row, row + 60) for row in range(60)}) >= 54


def test_few_faces_without_twins_give_an_empty_table(drawn):
    table = find_near_duplicates(Faces(drawn.images[:3], drawn.labels[:3], drawn.usage[:3]))
    assert len(table) == 0
    assert {"row", "twin", "mirrored", "fault", "reason", "evidence"} <= set(table.columns)
