import numpy as np
import pandas as pd
import pytest

from ferlib.data import Faces
from ferlib.testsets import (
    TEST_FACES,
    VOTES,
    compare_with_votes,
    find_rows,
    is_fer2013,
    load_test_faces,
    majority_labels,
    write_test_faces,
)


def votes(*rows):
    """FER+ rows from mappings of column to votes."""
    return pd.DataFrame([{name: row.get(name, 0) for name in VOTES} for row in rows])


def test_the_committed_file_holds_the_known_faults():
    public, private = load_test_faces("PublicTest"), load_test_faces("PrivateTest")
    assert len(public) == len(private) == 3589
    assert (public["twin"].sum(), private["twin"].sum()) == (280, 288)
    assert list(pd.read_csv(TEST_FACES).columns) == ["usage", "label", "twin", *VOTES]


def test_test_sets_leave_out_what_they_say():
    faces = load_test_faces("PrivateTest")
    labels = faces["label"].to_numpy()
    assert len(find_rows(labels, "PrivateTest", "published")) == 3589
    assert not faces["twin"][find_rows(labels, "PrivateTest", "without_twins")].any()
    no_face = np.setdiff1d(np.arange(3589), find_rows(labels, "PrivateTest", "faces_only"))
    assert len(no_face) == 16
    assert (faces["NF"][no_face] > 5).all()


def test_labels_of_other_faces_are_refused():
    labels = load_test_faces("PrivateTest")["label"].to_numpy()
    assert is_fer2013(labels, "PrivateTest")
    for other in (labels[::-1], labels[:100]):
        assert not is_fer2013(other, "PrivateTest")
        assert len(find_rows(other, "PrivateTest", "published")) == len(other)
        with pytest.raises(ValueError, match="are not FER2013's 3589, row by row"):
            find_rows(other, "PrivateTest", "without_twins")


def test_an_unknown_test_set_is_refused():
    with pytest.raises(ValueError, match="'easy': expected one of published, without_twins, faces_only"):
        find_rows(np.zeros(3), "PrivateTest", "easy")


def test_no_pixel_is_written_but_twins_are_marked(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48), dtype=np.uint8)
    images[3] = images[0]
    faces = Faces(images, np.array([3, 0, 1, 3]), np.array(["Training", "PublicTest", "PrivateTest", "PrivateTest"]))
    table = votes({"happiness": 10}, {"anger": 10}, {"NF": 10}, {"happiness": 6, "NF": 4}).assign(Usage=faces.usage)
    write_test_faces(faces, table, tmp_path / "test_faces.csv")
    private = load_test_faces("PrivateTest", tmp_path / "test_faces.csv")
    assert list(private["label"]) == [1, 3]
    assert list(private["twin"]) == [0, 1]
    assert list(private["NF"]) == [10, 4]
    with pytest.raises(ValueError, match="its 4 rows are not those of FER"):
        write_test_faces(faces, table[::-1], tmp_path / "test_faces.csv")


def test_a_majority_is_more_than_half_for_one_emotion():
    table = votes({"anger": 6, "fear": 4}, {"anger": 5, "fear": 5}, {"contempt": 10}, {"neutral": 6, "unknown": 4})
    assert list(majority_labels(table)) == [0, -1, -1, 6]


def test_voters_side_with_label_or_network():
    table = votes({"anger": 9}, {"anger": 9}, {"happiness": 9}, {"sadness": 9}, {"happiness": 9, "anger": 9})
    sides = compare_with_votes(np.zeros(5, int), np.array([0, 3, 3, 3, 3]), table)
    assert sides.loc["hits"].to_list() == [1, 0, 0, 0]
    assert sides.loc["errors"].to_list() == [1, 1, 1, 1]
    assert sides.loc["all"].sum() == 5
