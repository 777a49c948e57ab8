import numpy as np
import pandas as pd
import pytest

from ferlib.cleaning import UNUSABLE, count_facts, count_faults, find_faults, find_seen, select_clean
from ferlib.data import Faces
from ferlib.synthetic import draw_faces, draw_votes
from ferlib.testsets import VOTES
from ferlib.twins import find_near_duplicates
from ferlib.witnesses import Witnesses, estimate_probabilities


@pytest.fixture(scope="module")
def drawn():
    return draw_faces(700, seed=5)


@pytest.fixture(scope="module")
def faces(drawn):
    return Faces(drawn.images, drawn.labels, drawn.usage, source="embedded")


@pytest.fixture(scope="module")
def faults(drawn, faces):
    votes = pd.DataFrame(draw_votes(drawn, seed=0), columns=list(VOTES))
    return find_faults(faces, Witnesses(votes, estimate_probabilities(faces, seed=0), "drawn"))


def test_all_faults_stand_in_one_table_each_face_once_a_fault(drawn, faults):
    assert list(faults.columns) == ["row", "label", "usage", "fault", "reason", "evidence"]
    assert not faults.duplicated(["row", "fault"]).any()
    wrong = set(drawn.truth["row"][drawn.truth["fault"] == "wrong_label"])
    assert set(faults["row"][faults["fault"] == "suspect label"]) <= wrong


def test_counts_add_up(drawn, faults):
    counts = count_faults(faults)
    assert (counts.drop(columns="all").sum(axis=1) == counts["all"]).all()
    assert counts.loc["copy", "all"] == (drawn.truth["fault"] == "duplicate").sum()


def test_no_fault_is_left_in_what_survives(faces, faults):
    before = faces.images.copy()
    rows, dropped = select_clean(faces, faults)
    assert np.array_equal(faces.images, before)
    assert sorted([*rows, *dropped["row"]]) == list(range(len(faces)))
    clean = faces.select(rows)
    again = count_faults(find_faults(clean))["all"]
    assert not set(again.index) & {"blank", "copy", "conflict"}
    assert again.get("near copy", 0) == 0


def test_every_dropped_face_has_all_its_reasons(faces, faults):
    dropped = select_clean(faces, faults).dropped
    blank = faults["row"][faults["fault"] == "blank"].iloc[0]
    reason = dropped.set_index("row").loc[blank, "reason"]
    assert "blank (one shade of grey)" in reason and "no face (voters: not a face)" in reason


def test_one_chooses_what_is_dropped(faces, faults):
    dropped = select_clean(faces, faults, drop=[*UNUSABLE, "suspect label"]).dropped
    assert dropped["reason"].str.contains("suspect label").any()
    assert len(select_clean(faces, faults, drop=()).rows) == len(faces)


def test_faults_of_other_faces_are_refused(faces, faults):
    with pytest.raises(ValueError, match="embedded has 50 rows: give its own faults"):
        select_clean(faces.select(np.arange(50)), faults)


def test_facts_count_what_was_planted(drawn, faces):
    votes = pd.DataFrame(draw_votes(drawn, seed=0), columns=list(VOTES))
    facts = count_facts(faces, votes, find_near_duplicates(faces))
    truth = drawn.truth[drawn.truth["fault"] == "duplicate"]
    assert facts["redundant copies"] == len(truth)
    assert facts["groups of identical faces"] == truth["original"].nunique()
    assert facts["PrivateTest faces also in Training"] == (drawn.usage[truth["row"]] == "PrivateTest").sum()
    assert facts["faces that voters call none"] == drawn.truth["fault"].isin(["blank", "no_face"]).sum()
    assert 0 < facts["share with an unknown vote, all"] < 1
    assert np.isnan(count_facts(faces, votes * 0, find_near_duplicates(faces))["share without a majority"])


def test_whoever_is_seen_in_training_is_a_test_face_with_a_twin_there(drawn, faces):
    seen = find_seen(faces, find_near_duplicates(faces))
    assert not seen[faces.usage == "Training"].any()
    for fault, kind in (("duplicate", "copy"), ("near_duplicate", "near copy")):
        rows = drawn.truth["row"][drawn.truth["fault"] == fault].to_numpy()
        tested = rows[drawn.usage[rows] != "Training"]
        assert (seen[tested] == kind).mean() >= 0.9
