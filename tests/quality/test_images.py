import cv2
import numpy as np
import pytest

from ferlib.data import FaceDataset
from ferlib.quality import IMAGE_RULES, find_poor_images, measure_images


@pytest.fixture(scope="module")
def poor(faces):
    return find_poor_images(faces)


def with_images(images):
    return FaceDataset(np.stack(images), np.zeros(len(images), int), np.array(["Training"] * len(images)))


@pytest.mark.parametrize(
    ("issue", "found_as"), [("blank", "blank"), ("no_face", "unlike a face"), ("no_face", "drawing")]
)
def test_planted_pictures_without_a_face_are_found_and_nothing_else(planted, poor, issue, found_as):
    assert set(poor["row"][poor["issue"] == found_as]) == set(planted(issue)["row"])


def caption(face):
    face = face.copy()
    face[36:] = 0
    return cv2.putText(face, "MILLENNIAL", (1, 45), cv2.FONT_HERSHEY_SIMPLEX, 0.3, 255, 1)


@pytest.mark.parametrize(
    ("issue", "worsen"),
    [
        ("blurred", lambda face: cv2.GaussianBlur(face, (0, 0), 4)),
        ("dark", lambda face: (face * 0.1).astype(np.uint8)),
        ("bright", lambda face: 255 - (face * 0.1).astype(np.uint8)),
        ("faint", lambda face: (100 + face * 0.1).astype(np.uint8)),
        ("text", caption),
    ],
)
def test_a_worsened_face_scores_worse(faces, issue, worsen):
    rule, some = IMAGE_RULES[issue], list(faces.images[:100])
    scores = measure_images(with_images(some + [worsen(face) for face in some]))[rule.score].to_numpy()
    worse = scores[100:] > scores[:100] if rule.above else scores[100:] < scores[:100]
    assert worse.mean() >= 0.95


def test_poor_pictures_come_with_reason_and_score_worst_first(faces, poor):
    assert list(poor.columns) == ["row", "label", "split", "issue", "reason", "score"]
    for issue, table in poor.groupby("issue"):
        rule = IMAGE_RULES[issue]
        assert (table["reason"] == rule.reason).all()
        assert (table["score"] * (-1 if rule.above else 1)).is_monotonic_increasing
        assert ((table["score"] > rule.threshold) == rule.above).all()
