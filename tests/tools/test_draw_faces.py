import hashlib

import numpy as np
import pandas as pd
import pytest

from ferlib.config import EMBEDDED_FILE, EMOTIONS, SPLITS
from ferlib.data import load_faces
from tools.draw_faces import CLASS_COUNTS, ISSUE_SHARES, draw_faces, write_embedded


@pytest.fixture(scope="module")
def faces():
    return draw_faces(1000, seed=5)


def rows_with(faces, issue):
    return faces.truth[faces.truth.issue == issue]


def test_arrays_have_the_shape_of_fer2013(faces):
    assert faces.images.shape == (1000, 48, 48)
    assert faces.images.dtype == np.uint8
    assert faces.labels.shape == faces.split.shape == (1000,)
    assert faces.labels.dtype == np.int64
    assert [str(split) for split in dict.fromkeys(faces.split)] == list(SPLITS)


def test_the_same_seed_draws_the_same_faces(faces):
    again, other = draw_faces(1000, seed=5), draw_faces(1000, seed=6)
    assert np.array_equal(again.images, faces.images)
    assert again.truth.equals(faces.truth)
    assert not np.array_equal(other.images, faces.images)


def test_splits_and_emotions_have_fer2013s_shares(faces):
    assert [np.sum(faces.split == split) for split in SPLITS] == [800, 100, 100]
    expected = np.array(CLASS_COUNTS) / sum(CLASS_COUNTS)
    for split in SPLITS:
        labels = faces.labels[faces.split == split]
        assert np.bincount(labels, minlength=7) / len(labels) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("n", [300, 433])
def test_a_small_set_has_every_emotion_in_every_split(n):
    faces = draw_faces(n, seed=1)
    assert len(faces.labels) == len(faces.images) == n
    for split in SPLITS:
        assert np.bincount(faces.labels[faces.split == split], minlength=7).min() >= 2


def test_issues_have_their_known_shares_and_rows_of_their_own(faces):
    assert faces.truth.row.is_unique
    split_of = faces.split[faces.truth.row]
    for (issue, split), share in ISSUE_SHARES.items():
        assert np.sum((faces.truth.issue == issue) & (split_of == split)) == round(1000 * share)


def test_duplicates_equal_their_originals_and_some_leak_into_the_tests(faces):
    copies = rows_with(faces, "duplicate")
    assert np.array_equal(faces.images[copies.row], faces.images[copies.original])
    assert np.array_equal(faces.labels[copies.row], faces.labels[copies.original])
    assert set(faces.split[copies.original]) == {"Training"}
    assert set(faces.split[copies.row]) == set(SPLITS)


def test_no_two_pictures_are_equal_but_the_planted_ones(faces):
    planted = rows_with(faces, "duplicate")
    digests = [hashlib.sha256(image).digest() for image in faces.images]
    assert len(set(digests)) == len(digests) - len(planted)


def test_near_duplicates_resemble_their_originals_or_their_mirror_images(faces):
    for row, original in rows_with(faces, "near_duplicate")[["row", "original"]].itertuples(index=False):
        copy, source = faces.images[row].ravel(), faces.images[original]
        correlation = max(np.corrcoef(copy, source.ravel())[0, 1], np.corrcoef(copy, source[:, ::-1].ravel())[0, 1])
        assert not np.array_equal(faces.images[row], source)
        assert correlation > 0.6


def test_blanks_have_no_face(faces):
    blanks = rows_with(faces, "blank")
    assert np.ptp(faces.images[blanks.row], axis=(1, 2)).max() <= 1
    assert set(blanks.true_label) == {-1}
    others = np.setdiff1d(np.arange(1000), blanks.row)
    assert faces.images[others].std(axis=(1, 2)).min() > 3


def test_wrong_labels_are_wrong_and_all_others_right(faces):
    wrong = rows_with(faces, "wrong_label")
    assert (wrong.true_label != faces.labels[wrong.row]).all()
    assert wrong.true_label.between(0, len(EMOTIONS) - 1).all()
    copies = faces.truth[faces.truth.original >= 0]
    assert (copies.true_label == faces.labels[copies.row]).all()


def test_too_few_faces_are_refused():
    with pytest.raises(ValueError, match="n is 299, needs at least 300"):
        draw_faces(299, seed=0)


def test_the_committed_files_are_what_is_drawn(tmp_path):
    write_embedded(tmp_path / "embedded.npz")
    assert load_faces(tmp_path / "embedded.npz").fingerprint == load_faces("embedded").fingerprint
    written, committed = (path.with_name("embedded_truth.csv") for path in (tmp_path / "embedded.npz", EMBEDDED_FILE))
    assert pd.read_csv(written).equals(pd.read_csv(committed))
