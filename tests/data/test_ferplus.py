import cv2
import numpy as np
import pandas as pd
import pytest

from ferlib.config import SPLITS
from ferlib.data import (
    FERPLUS_FILE,
    VOTES,
    FaceDataset,
    _ferplus,
    expected_labels,
    ferplus_labels,
    ferplus_shares,
    find_rows,
    is_fer2013,
    load_faces,
    load_ferplus,
    load_test_votes,
    majority_labels,
    relabel,
    vote_entropy,
    vote_shares,
)
from tools import make_ferplus


def vote_table(*rows):
    """FER+ rows from mappings of column to votes."""
    return pd.DataFrame([{name: row.get(name, 0) for name in VOTES} for row in rows])


def labels_of(split):
    with np.load(FERPLUS_FILE) as file:
        return file["labels"][file["split"] == SPLITS.index(split)].astype(np.int64)


def test_ferplus_benchmark_has_its_published_size():
    with np.load(FERPLUS_FILE) as file:
        labels = ferplus_labels(pd.DataFrame(file["votes"], columns=list(VOTES)).astype(int))
        sizes = [int((labels[file["split"] == split] >= 0).sum()) for split in range(len(SPLITS))]
    assert sizes == [25060, 3199, 3153]


def test_votes_of_one_do_not_count_in_the_benchmark():
    table = vote_table({"anger": 5, "fear": 4, "NF": 1}, {"anger": 5, "NF": 5}, {"unknown": 9, "fear": 1})
    assert list(ferplus_labels(table)) == [0, -1, -1]
    assert ferplus_shares(table)[0] == pytest.approx([5 / 9, 0, 4 / 9, 0, 0, 0, 0])
    assert ferplus_shares(table)[2].tolist() == [0] * 7


def test_a_test_split_has_labels_by_name():
    labels = labels_of("PrivateTest")
    assert relabel(labels, "PrivateTest", "fer2013") is labels
    counts = {name: int((relabel(labels, "PrivateTest", name) >= 0).sum()) for name in ("ferplus", "majority")}
    assert counts == {"ferplus": 3153, "majority": 2720}
    with pytest.raises(ValueError, match="labels 'voted': expected one of fer2013, ferplus, majority"):
        relabel(labels, "PrivateTest", "voted")
    with pytest.raises(ValueError, match="are not FER2013's"):
        relabel(labels[1:], "PrivateTest", "ferplus")


def test_the_committed_file_holds_the_known_issues():
    for split, leaks in (("PublicTest", 280), ("PrivateTest", 288)):
        assert len(load_test_votes(split)) == 3589 and list(load_test_votes(split).columns) == list(VOTES)
        assert 3589 - len(find_rows(labels_of(split), split, "deduplicated")) == leaks
    with np.load(FERPLUS_FILE) as file:
        assert {key: file[key].shape for key in file} == {
            "votes": (35887, 10),
            "labels": (35887,),
            "split": (35887,),
            "in_training": (35887,),
            "hashes": (35887,),
            "out_of_fold": (35887, 7),
        }


def test_test_sets_leave_out_what_they_say():
    labels, votes = labels_of("PrivateTest"), load_test_votes("PrivateTest")
    assert len(find_rows(labels, "PrivateTest", "published")) == 3589
    no_face = np.setdiff1d(np.arange(3589), find_rows(labels, "PrivateTest", "faces_only"))
    assert len(no_face) == 16
    assert (votes["NF"][no_face] > 5).all()


def test_labels_of_other_faces_are_refused():
    labels = labels_of("PrivateTest")
    assert is_fer2013(labels, "PrivateTest")
    for other in (labels[::-1], labels[:100]):
        assert not is_fer2013(other, "PrivateTest")
        assert len(find_rows(other, "PrivateTest", "published")) == len(other)
        with pytest.raises(ValueError, match="are not FER2013's 3589, row by row"):
            find_rows(other, "PrivateTest", "deduplicated")


def test_an_unknown_test_set_is_refused():
    with pytest.raises(ValueError, match="'easy': expected one of published, deduplicated, faces_only"):
        find_rows(np.zeros(3), "PrivateTest", "easy")


def test_a_majority_is_more_than_half_for_one_emotion():
    table = vote_table({"anger": 6, "fear": 4}, {"anger": 5, "fear": 5}, {"contempt": 10}, {"neutral": 6, "unknown": 4})
    assert list(majority_labels(table)) == [0, -1, -1, 6]
    assert list(majority_labels(table, contempt=True)) == [0, -1, 7, 6]


def test_shares_are_of_all_voters():
    assert vote_shares(vote_table({"anger": 5, "NF": 5}, {})).tolist() == [[0.5, 0, 0, 0, 0, 0, 0], [0] * 7]


@pytest.fixture
def faces():
    return load_faces("embedded").select(np.arange(0, 2800, 3))


@pytest.fixture
def kept(faces, tmp_path, monkeypatch):
    """A file of FER+ votes on the drawn faces, in the place of FER2013's."""
    votes = np.random.default_rng(0).multinomial(10, np.full(10, 0.1), len(faces))
    votes = pd.DataFrame(votes, columns=list(VOTES))
    monkeypatch.setattr(make_ferplus, "out_of_fold_probabilities", lambda faces, seed: np.full((len(faces), 7), 1 / 7))
    make_ferplus.make_ferplus(faces, votes.assign(Usage=faces.split), tmp_path / "ferplus.npz")
    monkeypatch.setattr(_ferplus, "FERPLUS_FILE", tmp_path / "ferplus.npz")
    return votes


def test_faces_in_the_csvs_order_are_known_by_row(faces, kept):
    ferplus = load_ferplus(faces)
    assert ferplus.votes.equals(kept)
    assert ferplus.out_of_fold.shape == (len(faces), 7)
    assert ferplus.out_of_fold.sum(1) == pytest.approx(1)
    assert ferplus.source == f"FER+'s votes on {len(faces)} of {len(faces)} faces, known by row"


def test_whole_splits_in_the_csvs_order_are_known_by_row(faces, kept):
    rows = faces.split != "PrivateTest"
    ferplus = load_ferplus(faces.select(rows))
    assert np.array_equal(ferplus.votes, kept[rows])
    assert ferplus.source.endswith("known by row")


def test_re_encoded_faces_in_another_order_are_known_by_picture(faces, kept):
    order = np.random.default_rng(0).permutation(len(faces))
    jpegs = [cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 90])[1] for face in faces.images[order]]
    shuffled = FaceDataset(np.stack([cv2.imdecode(jpeg, 0) for jpeg in jpegs]), faces.labels[order], faces.split[order])
    ferplus = load_ferplus(shuffled)
    assert "known by picture" in ferplus.source
    same = (ferplus.votes.to_numpy() == kept.to_numpy()[order]).all(1)
    assert same.mean() > 0.95


def test_nobody_voted_on_other_faces(faces):
    ferplus = load_ferplus(faces)
    assert ferplus.source == "embedded: FER+ has no votes on these faces"
    assert not ferplus.votes.to_numpy().any() and len(ferplus.votes) == len(faces)
    assert ferplus.out_of_fold is None
    assert np.isnan(vote_entropy(ferplus.votes)).all()


def test_entropy_is_zero_where_all_agree_and_one_bit_for_two_halves():
    rows = [[10, 0, 0, 0, 0, 0, 0, 0, 0, 0], [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert vote_entropy(pd.DataFrame(rows, columns=list(VOTES))) == pytest.approx([0, 1])


def test_votes_are_turned_into_the_labels_that_go_with_them():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400) * 4 + 2  # fear or neutral
    votes = pd.DataFrame(0, index=range(401), columns=list(VOTES))
    votes.loc[:399, "neutral"] = 6
    votes.loc[np.flatnonzero(labels == 2), "fear"] = 4  # voters call even fear mostly neutral
    expected = expected_labels(np.append(labels, 6), votes)
    assert expected.shape == (401, 7)
    assert expected.sum(1) == pytest.approx(1, abs=1e-5)
    assert (expected[:400].argmax(1) == labels).all()
    assert not expected[:, [0, 1, 3, 4, 5]].any()


def test_labels_cannot_be_expected_where_nobody_voted():
    with pytest.raises(ValueError, match="nobody voted"):
        expected_labels(np.arange(7), pd.DataFrame(0, index=range(7), columns=list(VOTES)))
