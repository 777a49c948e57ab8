import cv2
import numpy as np
import pytest

from ferlib.data import Faces
from ferlib.quality import (
    PICTURE_RULES,
    find_duplicates,
    find_leaks,
    find_poor_pictures,
    leak_meter,
    measure_pictures,
)
from ferlib.synthetic import draw_faces


@pytest.fixture(scope="module")
def drawn():
    return draw_faces(2000, seed=11)


@pytest.fixture(scope="module")
def faces(drawn):
    return Faces(drawn.images, drawn.labels, drawn.usage, source="embedded")


@pytest.fixture(scope="module")
def poor(faces):
    return find_poor_pictures(faces)


def planted(drawn, fault):
    return drawn.truth[drawn.truth["fault"] == fault]


def with_images(images):
    return Faces(np.stack(images), np.zeros(len(images), int), np.array(["Training"] * len(images)))


@pytest.mark.parametrize(
    ("fault", "found_as"), [("blank", "blank"), ("no_face", "unlike a face"), ("no_face", "drawing")]
)
def test_planted_pictures_without_a_face_are_found_and_nothing_else(drawn, poor, fault, found_as):
    assert set(poor["row"][poor["fault"] == found_as]) == set(planted(drawn, fault)["row"])


def caption(face):
    face = face.copy()
    face[36:] = 0
    return cv2.putText(face, "MILLENNIAL", (1, 45), cv2.FONT_HERSHEY_SIMPLEX, 0.3, 255, 1)


@pytest.mark.parametrize(
    ("fault", "spoil"),
    [
        ("blurred", lambda face: cv2.GaussianBlur(face, (0, 0), 4)),
        ("dark", lambda face: (face * 0.1).astype(np.uint8)),
        ("bright", lambda face: 255 - (face * 0.1).astype(np.uint8)),
        ("faint", lambda face: (100 + face * 0.1).astype(np.uint8)),
        ("text", caption),
    ],
)
def test_a_spoilt_face_scores_worse_than_it_did(faces, fault, spoil):
    rule, some = PICTURE_RULES[fault], list(faces.images[:100])
    scores = measure_pictures(with_images(some + [spoil(face) for face in some]))[rule.score].to_numpy()
    worse = scores[100:] > scores[:100] if rule.above else scores[100:] < scores[:100]
    assert worse.mean() >= 0.95


def test_poor_pictures_come_with_reason_and_evidence_worst_first(faces, poor):
    assert list(poor.columns) == ["row", "label", "usage", "fault", "reason", "evidence"]
    for fault, table in poor.groupby("fault"):
        rule = PICTURE_RULES[fault]
        assert (table["reason"] == rule.reason).all()
        assert (table["evidence"] * (-1 if rule.above else 1)).is_monotonic_increasing
        assert ((table["evidence"] > rule.threshold) == rule.above).all()


def test_all_planted_duplicates_are_found_and_nothing_else(drawn, faces):
    table = find_duplicates(faces).set_index("row")
    for _, fault in planted(drawn, "duplicate").iterrows():
        assert table.loc[fault["row"], "group"] == table.loc[fault["original"], "group"]
        crosses = drawn.usage[fault["row"]] != drawn.usage[fault["original"]]
        assert table.loc[fault["row"], "leak"] >= crosses
    assert set(table.index) == set(planted(drawn, "duplicate")["row"]) | set(planted(drawn, "duplicate")["original"])


def test_one_of_each_group_is_kept_and_it_is_the_tested_one(faces):
    table = find_duplicates(faces)
    assert (table.groupby("group")["kept"].sum() == 1).all()
    assert "Training" not in set(table["usage"][table["leak"] & table["kept"]])


def test_conflicting_copies_are_marked():
    images = np.arange(3 * 48 * 48, dtype=np.uint8).reshape(3, 48, 48)[[0, 0, 1]]
    images[2] //= 2
    table = find_duplicates(Faces(images, np.array([3, 4, 3]), np.array(["Training"] * 3), source="test"))
    assert list(table["row"]) == [0, 1]
    assert table["conflict"].all()
    assert not table["leak"].any()
    assert list(table["reason"]) == ["one of 2 copies, labelled happy, sad"] * 2


def test_planted_leaks_are_found(drawn, faces):
    training, test = faces.usage == "Training", faces.usage == "PrivateTest"
    leaked = np.flatnonzero(test)[find_leaks(faces.images[training], faces.images[test])]
    duplicates = planted(drawn, "duplicate")
    rows, originals = duplicates["row"].to_numpy(), duplicates["original"].to_numpy()
    crossing = {*rows[test[rows] & training[originals]], *originals[training[rows] & test[originals]]}
    assert crossing
    assert crossing == set(leaked)


def test_leak_meter_counts_twins_emotion_by_emotion():
    images = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    images[9] = images[0]
    faces = Faces(images, np.array([3, 3, 3, 1, 1, 1, 0, 0, 0, 3]), np.array(["Training"] * 10), source="test")
    table = leak_meter(np.array([0, 3, 3, 6]), np.array([1, 9, 3, 3, 7]), faces)
    assert table.loc["happy"].tolist() == [2, 1, 0.5]
    assert table.loc["disgust"].tolist() == [2, 2, 1]
    assert table.loc["angry", "share"] == 0
    assert table.loc["all"].tolist() == [5, 3, 0.6]
