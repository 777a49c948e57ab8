import cv2
import numpy as np
import pytest

from ferlib.config import SPLITS
from ferlib.data import FaceDataset
from ferlib.quality import find_duplicates, find_near_duplicates, find_train_duplicates, leakage_by_emotion


def test_all_planted_duplicates_are_found_and_nothing_else(faces, planted):
    table, copies = find_duplicates(faces).set_index("row"), planted("duplicate")
    for row, original in copies[["row", "original"]].to_numpy().tolist():
        assert table.loc[row, "group"] == table.loc[original, "group"]
        assert table.loc[row, "leak"] >= (faces.split[row] != faces.split[original])
    assert set(table.index) == {*copies["row"], *copies["original"]}


def test_one_of_each_group_is_kept_and_it_is_the_tested_one(faces):
    table = find_duplicates(faces)
    assert (table.groupby("group")["kept"].sum() == 1).all()
    assert "Training" not in set(table["split"][table["leak"] & table["kept"]])


def test_conflicting_copies_are_marked():
    images = np.arange(3 * 48 * 48, dtype=np.uint8).reshape(3, 48, 48)[[0, 0, 1]]
    images[2] //= 2
    table = find_duplicates(FaceDataset(images, np.array([3, 4, 3]), np.array(["Training"] * 3), source="test"))
    assert list(table["row"]) == [0, 1]
    assert table["conflict"].all()
    assert not table["leak"].any()
    assert list(table["reason"]) == ["one of 2 copies, labelled happy, sad"] * 2


def test_planted_leaks_are_found(faces, planted):
    leaked = np.flatnonzero(find_train_duplicates(faces) == "exact duplicate")
    rows = planted("duplicate")["row"].to_numpy()
    assert set(leaked) == set(rows[faces.split[rows] != "Training"])


def test_leakage_is_counted_emotion_by_emotion():
    images = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    images[9] = images[0]
    faces = FaceDataset(images, np.array([3, 3, 3, 1, 1, 1, 0, 0, 0, 3]), np.array(["Training"] * 10), source="test")
    table = leakage_by_emotion(np.array([0, 3, 3, 6]), np.array([1, 9, 3, 3, 7]), faces)
    assert table.loc["happy"].tolist() == [2, 1, 0.5]
    assert table.loc["disgust"].tolist() == [2, 2, 1]
    assert table.loc["angry", "share"] == 0
    assert table.loc["all"].tolist() == [5, 3, 0.6]


def test_planted_near_duplicates_are_found_and_little_else(faces, truth, planted, near):
    copies = truth[truth["original"] >= 0]
    picture = np.arange(len(faces))  # which picture each row shows
    picture[copies["row"]] = copies["original"]
    right = picture[near["row"]] == picture[near["duplicate_of"]]
    rows = set(planted("near_duplicate")["row"])
    found = rows & {*near["row"][right], *near["duplicate_of"][right]}
    assert len(found) >= 0.9 * len(rows)
    assert right[: len(rows)].mean() >= 0.9 and right.mean() >= 0.8  # the least alike pairs come last


def test_the_face_to_keep_is_the_tested_one_else_the_earlier(faces, near):
    for row, kept in near[["row", "duplicate_of"]].to_numpy().tolist():
        assert (-SPLITS.index(faces.split[kept]), kept) < (-SPLITS.index(faces.split[row]), row)


def test_test_faces_with_a_duplicate_in_training(faces, planted, near):
    seen = find_train_duplicates(faces, near)
    assert not seen[faces.split == "Training"].any()
    for issue, kind in (("duplicate", "exact duplicate"), ("near_duplicate", "near duplicate")):
        rows = planted(issue)["row"].to_numpy()
        tested = rows[faces.split[rows] != "Training"]
        assert (seen[tested] == kind).mean() >= 0.9


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
def test_every_kind_of_retouch_is_found(faces, retouch):
    clean = faces.images[:60]
    images = np.concatenate([clean, [retouch(face) for face in clean]])
    table = find_near_duplicates(FaceDataset(images, np.zeros(120, int), np.array(["Training"] * 120)))
    found = {tuple(pair) for pair in table[["duplicate_of", "row"]].to_numpy().tolist()}
    assert len(found & {(row, row + 60) for row in range(60)}) >= 54


def test_few_faces_without_duplicates_give_an_empty_table(faces):
    table = find_near_duplicates(faces.select(np.arange(3)))
    assert len(table) == 0
    assert {"row", "duplicate_of", "mirrored", "issue", "reason", "score"} <= set(table.columns)
