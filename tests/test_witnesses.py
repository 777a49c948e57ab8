import cv2
import numpy as np
import pandas as pd
import pytest

from ferlib.data import Faces
from ferlib.synthetic import draw_faces, draw_votes
from ferlib.testsets import VOTES, load_test_faces
from ferlib.witnesses import (
    WITNESSES,
    estimate_probabilities,
    expect_labels,
    find_non_faces,
    find_suspect_labels,
    load_witnesses,
    vote_entropy,
    write_witnesses,
)


@pytest.fixture(scope="module")
def drawn():
    return draw_faces(1000, seed=11)


@pytest.fixture(scope="module")
def faces(drawn):
    return Faces(drawn.images, drawn.labels, drawn.usage, source="embedded")


@pytest.fixture(scope="module")
def votes(drawn):
    return pd.DataFrame(draw_votes(drawn, seed=3), columns=list(VOTES))


@pytest.fixture(scope="module")
def probabilities(faces):
    return estimate_probabilities(faces, seed=0)


def planted(drawn, fault):
    return set(drawn.truth["row"][drawn.truth["fault"] == fault])


def test_voters_find_the_planted_wrong_labels(drawn, faces, votes, probabilities):
    table = find_suspect_labels(faces, probabilities, votes)
    found, wrong = set(table["row"][table["voters"]]), planted(drawn, "wrong_label")
    assert len(found & wrong) >= 0.95 * len(wrong)
    assert len(found & wrong) >= 0.95 * len(found)
    suggested = table.set_index("row")["suggested"]
    truth = drawn.truth.set_index("row")["true_label"]
    assert all(
        suggested[row] == ("angry disgust fear happy sad surprise neutral".split())[truth[row]] for row in found & wrong
    )


def test_the_model_alone_ranks_wrong_labels_high(drawn, faces, probabilities):
    table, wrong = find_suspect_labels(faces, probabilities), planted(drawn, "wrong_label")
    found = wrong & set(table["row"])
    assert len(found) >= 0.7 * len(wrong)
    # looking at the table finds them several times as fast as looking at random
    assert len(found) / len(table) >= 3 * len(wrong) / len(faces)
    assert table["evidence"].is_monotonic_increasing
    assert not table["voters"].any()


def test_what_both_deny_comes_first(faces, votes, probabilities):
    table = find_suspect_labels(faces, probabilities, votes)
    both = table["voters"] & table["model"]
    assert both.is_monotonic_decreasing
    assert 0 < both.sum() < len(table)


def test_voters_find_the_planted_pictures_without_a_face(drawn, faces, votes):
    assert set(find_non_faces(faces, votes)["row"]) == planted(drawn, "blank") | planted(drawn, "no_face")


def test_copies_of_a_face_do_not_tell_its_label(faces):
    few = faces.select(np.arange(0, 1000, 3))
    twice = Faces(*(np.concatenate([part, part]) for part in (few.images, few.labels, few.usage)))
    accuracy = [(estimate_probabilities(f, seed=0, folds=2).argmax(1) == f.labels).mean() for f in (few, twice)]
    assert accuracy[1] < accuracy[0] + 0.1


@pytest.fixture(scope="module")
def kept(faces, votes, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "witnesses.npz"
    write_witnesses(faces, votes.assign(Usage=faces.usage), path)
    return path


def test_faces_in_the_csvs_order_are_known_by_row(faces, votes, probabilities, kept):
    witnesses = load_witnesses(faces, kept)
    assert witnesses.votes.equals(votes)
    assert witnesses.probabilities == pytest.approx(probabilities, abs=2e-3)
    assert "1,000 of 1,000 faces are known by row" in witnesses.source


def test_re_encoded_faces_in_another_order_are_known_by_picture(faces, votes, kept):
    order = np.random.default_rng(0).permutation(len(faces))
    jpegs = [cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 90])[1] for face in faces.images[order]]
    shuffled = Faces(np.stack([cv2.imdecode(jpeg, 0) for jpeg in jpegs]), faces.labels[order], faces.usage[order])
    witnesses = load_witnesses(shuffled, kept)
    assert "known by picture" in witnesses.source
    same = (witnesses.votes.to_numpy() == votes.to_numpy()[order]).all(1)
    assert same.mean() > 0.95


def test_of_other_faces_nobody_testifies_but_the_model(faces):
    witnesses = load_witnesses(faces.select(np.arange(0, 1000, 2)))
    assert witnesses.source.startswith("embedded: nobody voted")
    assert not witnesses.votes.to_numpy().any()
    assert witnesses.probabilities.shape == (500, 7)
    assert np.isnan(vote_entropy(witnesses.votes)).all()


def test_votes_of_other_rows_are_refused(faces, votes, tmp_path):
    with pytest.raises(ValueError, match=r"its 1000 rows are not those of FER\+"):
        write_witnesses(faces, votes.assign(Usage=faces.usage[::-1]), tmp_path / "witnesses.npz")


def test_the_committed_votes_are_those_of_the_test_sets():
    with np.load(WITNESSES) as file:
        for number, usage in ((1, "PublicTest"), (2, "PrivateTest")):
            known = load_test_faces(usage)
            assert (file["votes"][file["usage"] == number] == known[list(VOTES)]).all(axis=None)
            assert (file["labels"][file["usage"] == number] == known["label"]).all()


def test_entropy_is_zero_where_all_agree_and_one_bit_for_two_halves():
    rows = [[10, 0, 0, 0, 0, 0, 0, 0, 0, 0], [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert vote_entropy(pd.DataFrame(rows, columns=list(VOTES))) == pytest.approx([0, 1])


def test_votes_are_turned_into_the_labels_that_go_with_them():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400) * 4 + 2  # fear or neutral
    votes = pd.DataFrame(0, index=range(401), columns=list(VOTES))
    votes.loc[:399, "neutral"] = 6
    votes.loc[np.flatnonzero(labels == 2), "fear"] = 4  # voters call even fear mostly neutral
    expected = expect_labels(np.append(labels, 6), votes)
    assert expected.shape == (401, 7)
    assert expected.sum(1) == pytest.approx(1, abs=1e-5)
    assert (expected[:400].argmax(1) == labels).all()
    assert not expected[:, [0, 1, 3, 4, 5]].any()


def test_labels_cannot_be_expected_where_nobody_voted():
    with pytest.raises(ValueError, match="nobody voted"):
        expect_labels(np.arange(7), pd.DataFrame(0, index=range(7), columns=list(VOTES)))
