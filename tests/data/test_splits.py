import numpy as np
import pytest

from ferlib.config import SPLITS
from ferlib.data import class_weights, oversample_rows, split_faces


def test_split_is_the_official_one(drawn_faces):
    parts = split_faces(drawn_faces)
    assert [set(part.split) for part in parts] == [{split} for split in SPLITS]
    assert sum(map(len, parts)) == len(drawn_faces)


def test_split_refuses_faces_without_a_test_split(drawn_faces):
    with pytest.raises(ValueError, match="no PrivateTest face"):
        split_faces(drawn_faces.select(drawn_faces.split != "PrivateTest"))


def test_oversampling_evens_the_classes_and_drops_no_row(drawn_faces):
    rows = oversample_rows(drawn_faces.labels, seed=7)
    counts = np.bincount(drawn_faces.labels[rows])
    assert set(counts) == {np.bincount(drawn_faces.labels).max()}
    assert set(rows) == set(range(len(drawn_faces)))
    assert rows.dtype == np.int64


def test_oversampling_is_the_same_for_the_same_seed(drawn_faces):
    first, second, other = (oversample_rows(drawn_faces.labels, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_weights_favour_the_rare_and_average_to_one(drawn_faces):
    weights = class_weights(drawn_faces.labels)
    counts = np.bincount(drawn_faces.labels)
    assert max(weights, key=weights.get) == counts.argmin()
    assert np.mean([weights[label] for label in drawn_faces.labels]) == pytest.approx(1)


@pytest.mark.parametrize("balance", [lambda labels: oversample_rows(labels, seed=0), class_weights])
def test_a_missing_emotion_is_named(balance):
    with pytest.raises(ValueError, match="disgust, neutral"):
        balance(np.array([0, 2, 3, 4, 5]))
