import warnings

import numpy as np
import pytest

from ferlib.data import FaceDataset, FerPlus, load_ferplus
from ferlib.quality import count_facts, count_issues, find_gaps, find_issues, find_near_duplicates, select_clean
from ferlib.quality._issues import UNUSABLE


@pytest.fixture(scope="module")
def issues(faces, votes, probabilities, near):
    return find_issues(faces, FerPlus(votes, probabilities, "drawn"), near=near)


def test_all_issues_stand_in_one_table_each_face_once_an_issue(issues, planted):
    assert list(issues.columns) == ["row", "label", "split", "issue", "reason", "score"]
    assert not issues.duplicated(["row", "issue"]).any()
    assert set(issues["row"][issues["issue"] == "label issue"]) <= set(planted("wrong_label")["row"])


def test_counts_add_up(issues, planted):
    counts = count_issues(issues)
    assert (counts.drop(columns="all").sum(axis=1) == counts["all"]).all()
    assert counts.loc["exact duplicate", "all"] == len(planted("duplicate"))


def test_no_unusable_face_is_left_in_what_survives(faces, issues):
    before = faces.images.copy()
    rows, dropped = select_clean(faces, issues)
    assert np.array_equal(faces.images, before)
    assert sorted([*rows, *dropped["row"]]) == list(range(len(faces)))
    again = count_issues(find_issues(faces.select(rows)))["all"]
    assert not set(again.index) & {"blank", "exact duplicate", "conflict"}
    assert again.get("near duplicate", 0) <= 1  # laying a face over another scores a little unlike the reverse


def test_every_dropped_face_has_all_its_reasons(faces, issues):
    dropped = select_clean(faces, issues).dropped
    blank = issues["row"][issues["issue"] == "blank"].iloc[0]
    reason = dropped.set_index("row").loc[blank, "reason"]
    assert "blank (one shade of grey)" in reason and "no face (voters: not a face)" in reason


def test_one_chooses_what_is_dropped(faces, issues):
    dropped = select_clean(faces, issues, drop=[*UNUSABLE, "label issue"]).dropped
    assert dropped["reason"].str.contains("label issue").any()
    assert len(select_clean(faces, issues, drop=()).rows) == len(faces)


def test_issues_of_other_faces_are_refused(faces, issues):
    with pytest.raises(ValueError, match="embedded has 50 rows: give its own issues"):
        select_clean(faces.select(np.arange(50)), issues)


def test_facts_count_what_was_planted(faces, planted, votes, near):
    facts, copies = count_facts(faces, votes, near), planted("duplicate")
    assert facts["redundant copies"] == len(copies)
    assert facts["groups of identical faces"] == copies["original"].nunique()
    assert facts["PrivateTest faces also in Training"] == (faces.split[copies["row"]] == "PrivateTest").sum()
    assert facts["faces that voters call none"] == len(planted("blank")) + len(planted("no_face"))
    assert 0 < facts["share with an unknown vote, all"] < 1
    assert np.isnan(count_facts(faces, votes * 0, near)["share without a majority"])


def few(faces, *counts):
    """So many faces of each emotion."""
    return faces.select(np.concatenate([np.flatnonzero(faces.labels == k)[:n] for k, n in enumerate(counts)]))


@pytest.mark.parametrize(
    ("counts", "gap"),
    [
        ((40, 0, 0, 40, 0, 0, 40), None),
        ((20, 20, 0, 20, 20, 20, 20), None),
        ((4, 1, 30, 30, 0, 0, 30), "fewer than 5 different faces of angry, disgust: a model cannot judge such labels"),
        (
            (0, 0, 0, 30, 0, 0, 0),
            "fewer than 5 different faces of all emotions but one: a model cannot judge such labels",
        ),
        (
            (0, 0, 0, 1, 0, 0, 0),
            "fewer than 5 different faces of all emotions but one: a model cannot judge such labels",
        ),
    ],
)
def test_of_few_faces_all_is_counted_that_can_be(faces, counts, gap):
    some = few(faces, *counts)
    with warnings.catch_warnings(action="error"):
        ferplus = load_ferplus(some)
        issues = find_issues(some, ferplus)
        gaps = find_gaps(some, ferplus)
    judged = set(issues["label"][issues["issue"] == "label issue"])
    assert not judged & {"angry", "disgust"} or gap is None
    assert [found for found in gaps if "model" in found] == ([gap] if gap else [])


def test_leakage_without_a_split_is_not_counted(faces):
    training = faces.part("Training")
    ferplus = load_ferplus(training)
    facts = count_facts(training, ferplus.votes, find_near_duplicates(training))
    assert np.isnan(facts["PublicTest faces also in Training"]) and facts["redundant copies"] > 0
    assert find_gaps(training, ferplus)[0] == "no PublicTest face: leakage into it is not counted"


def test_blank_pictures_alone_are_counted(faces):
    blank = FaceDataset(faces.images[:8] * 0, faces.labels[:8], faces.split[:8])
    assert not len(find_near_duplicates(blank))
