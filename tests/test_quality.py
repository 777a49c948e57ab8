import numpy as np
import pytest

from ferlib.data import Faces
from ferlib.quality import (
    estimate_probabilities,
    find_blanks,
    find_duplicates,
    find_leaks,
    find_near_duplicates,
    find_suspect_labels,
)
from ferlib.synthetic import draw_faces


@pytest.fixture(scope="module")
def drawn():
    return draw_faces(2000, seed=11)


@pytest.fixture(scope="module")
def faces(drawn):
    return Faces(drawn.images, drawn.labels, drawn.usage, source="embedded")


def planted(drawn, fault):
    return drawn.truth[drawn.truth["fault"] == fault]


def test_all_planted_blanks_are_found_and_nothing_else(drawn, faces):
    assert set(find_blanks(faces)["row"]) == set(planted(drawn, "blank")["row"])


def test_all_planted_duplicates_are_found(drawn, faces):
    table = find_duplicates(faces).set_index("row")
    for _, fault in planted(drawn, "duplicate").iterrows():
        assert table.loc[fault["row"], "group"] == table.loc[fault["original"], "group"]
        crosses = drawn.usage[fault["row"]] != drawn.usage[fault["original"]]
        assert table.loc[fault["row"], "leak"] >= crosses
    only_planted = set(planted(drawn, "duplicate")["row"]) | set(planted(drawn, "duplicate")["original"])
    assert set(table.index) - only_planted <= set(planted(drawn, "blank")["row"])


def test_conflicting_copies_are_marked():
    images = np.arange(3 * 48 * 48, dtype=np.uint8).reshape(3, 48, 48)[[0, 0, 1]]
    images[2] //= 2
    table = find_duplicates(Faces(images, np.array([3, 4, 3]), np.array(["Training"] * 3), source="test"))
    assert list(table["row"]) == [0, 1]
    assert table["conflict"].all()
    assert not table["leak"].any()


def test_planted_leaks_are_found(drawn, faces):
    training, test = faces.usage == "Training", faces.usage == "PrivateTest"
    leaked = np.flatnonzero(test)[find_leaks(faces.images[training], faces.images[test])]
    duplicates = planted(drawn, "duplicate")
    rows, originals = duplicates["row"].to_numpy(), duplicates["original"].to_numpy()
    crossing = {*rows[test[rows] & training[originals]], *originals[training[rows] & test[originals]]}
    assert crossing
    assert crossing <= set(leaked)


def test_most_planted_near_duplicates_are_found(drawn, faces):
    table = find_near_duplicates(faces)
    found = {frozenset(pair) for pair in table[["row", "twin"]].to_numpy().tolist()}
    near = {frozenset(pair) for pair in planted(drawn, "near_duplicate")[["row", "original"]].to_numpy().tolist()}
    assert len(found & near) >= 0.8 * len(near)
    assert len(found & near) >= 0.8 * len(found)


def test_planted_wrong_labels_rank_high(drawn, faces):
    table = find_suspect_labels(faces, estimate_probabilities(faces, seed=0))
    wrong = set(planted(drawn, "wrong_label")["row"])
    found = wrong & set(table["row"])
    assert len(found) >= 0.7 * len(wrong)
    # looking at the table finds them several times as fast as looking at random
    assert len(found) / len(table) >= 3 * len(wrong) / len(faces)
    assert table["quality"].is_monotonic_increasing
