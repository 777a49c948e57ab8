import numpy as np

from ferlib.config import EMOTIONS
from ferlib.data import FaceDataset, FerPlus
from ferlib.quality import find_label_issues, find_non_faces, label_probabilities, out_of_fold_probabilities


def test_voters_find_the_planted_wrong_labels(faces, planted, votes, probabilities):
    table = find_label_issues(faces, probabilities, votes)
    found, wrong = set(table["row"][table["voters"]]), set(planted("wrong_label")["row"])
    assert len(found & wrong) >= 0.95 * len(wrong)
    assert len(found & wrong) >= 0.95 * len(found)
    suggested = table.set_index("row")["suggested"]
    truth = planted("wrong_label").set_index("row")["true_label"]
    assert all(suggested[row] == EMOTIONS[truth[row]] for row in found & wrong)


def test_the_model_alone_ranks_wrong_labels_high(faces, planted, probabilities):
    table, wrong = find_label_issues(faces, probabilities), set(planted("wrong_label")["row"])
    found = wrong & set(table["row"])
    assert len(found) >= 0.7 * len(wrong)
    # looking at the table finds them several times as fast as looking at random
    assert len(found) / len(table) >= 3 * len(wrong) / len(faces)
    assert table["score"].is_monotonic_increasing
    assert not table["voters"].any()


def test_what_both_contradict_comes_first(faces, votes, probabilities):
    table = find_label_issues(faces, probabilities, votes)
    both = table["voters"] & table["model"]
    assert both.is_monotonic_decreasing
    assert 0 < both.sum() < len(table)


def test_voters_find_the_planted_pictures_without_a_face(faces, planted, votes):
    assert set(find_non_faces(faces, votes)["row"]) == {*planted("blank")["row"], *planted("no_face")["row"]}


def test_copies_of_a_face_do_not_tell_its_label(faces):
    few = faces.select(np.arange(0, 1000, 3))
    twice = FaceDataset(*(np.concatenate([part, part]) for part in (few.images, few.labels, few.split)))
    accuracy = [(out_of_fold_probabilities(f, seed=0, folds=2).argmax(1) == f.labels).mean() for f in (few, twice)]
    assert accuracy[1] < accuracy[0] + 0.1


def test_stored_probabilities_are_preferred_to_new_ones(faces, votes, probabilities):
    assert label_probabilities(faces, FerPlus(votes, probabilities[::-1], "")) is not probabilities
    few = faces.select(np.arange(700))
    assert label_probabilities(few, FerPlus(votes[:700], None, "")).shape == (700, 7)
