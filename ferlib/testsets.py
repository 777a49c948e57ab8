"""The project's three test sets: each test split as published, without twins of Training faces, with faces only."""

from functools import lru_cache

import numpy as np

from ferlib.config import MODELS_DIR

TEST_SETS = ("published", "without_twins", "faces_only")
"""As published; without exact twins of Training faces; without what FER+'s voters call no face."""

VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
"""FER+'s columns, in its order; NF is "not a face"."""

EMOTION_VOTES = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
"""`EMOTIONS` in FER+'s words."""

TEST_FACES = MODELS_DIR / "test_faces.csv"
"""What is known of every test face but its picture; see `write_test_faces` and models/README.md."""


def check_votes(faces, votes):
    """Raise ValueError unless row i of FER+'s table belongs to row i of `faces`."""
    if len(faces) != len(votes) or (votes["Usage"].to_numpy() != faces.usage).any():
        raise ValueError(
            f"{faces.source}: its {len(faces)} rows are not those of FER+ ({len(votes)}): give fer2013.csv"
        )


def write_test_faces(faces, votes, path=TEST_FACES):
    """Note of every test face its label, whether Training holds its twin, and FER+'s votes: no pixel is kept.

    Scoring on the three test sets then needs no data set. Made once, from FER2013 and FER+'s `fer2013new.csv`:

        write_test_faces(load_faces(), pd.read_csv("fer2013new.csv"))

    Parameters
    ----------
    faces : Faces
        FER2013, in the csv's row order.
    votes : pandas.DataFrame
        FER+'s table, whose row i belongs to row i of FER2013.
    path : path

    Raises
    ------
    ValueError
        If the rows of the two do not belong together.

    References
    ----------
    Barsoum, Zhang, Canton Ferrer and Zhang (2016), "Training Deep Networks for Facial Expression Recognition with
    Crowd-Sourced Label Distribution", arXiv:1608.01041; github.com/microsoft/FERPlus, MIT licence.
    """
    from ferlib.quality import find_leaks

    check_votes(faces, votes)
    table = votes[list(VOTES)].assign(usage=faces.usage, label=faces.labels, twin=0)
    for usage in ("PublicTest", "PrivateTest"):
        rows = faces.usage == usage
        table.loc[rows, "twin"] = find_leaks(faces.images[faces.usage == "Training"], faces.images[rows]).astype(int)
    table.loc[faces.usage != "Training", ["usage", "label", "twin", *VOTES]].to_csv(path, index=False)


@lru_cache
def load_test_faces(usage, path=TEST_FACES):
    """What `write_test_faces` wrote of a split: pandas.DataFrame of label, twin and the ten votes, in csv order."""
    import pandas as pd

    table = pd.read_csv(path)
    return table[table["usage"] == usage].drop(columns="usage").reset_index(drop=True)


def is_fer2013(labels, usage):
    """Are these (N,) labels FER2013's own of a split, row by row?"""
    return np.array_equal(load_test_faces(usage)["label"], labels)


def find_rows(labels, usage, test_set):
    """Rows of a test set within its split.

    Parameters
    ----------
    labels : (N,) int64
        Of the split, as they stand in a run.
    usage : {"PublicTest", "PrivateTest"}
    test_set : str
        One of `TEST_SETS`. "faces_only" leaves out rows of which more than half of the votes say "not a face".

    Returns
    -------
    (M,) int64

    Raises
    ------
    ValueError
        If there is no such test set, or if it needs FER2013's rows and the labels are not theirs.
    """
    if test_set not in TEST_SETS:
        raise ValueError(f"test set {test_set!r}: expected one of {', '.join(TEST_SETS)}")
    if test_set == "published":
        return np.arange(len(labels))
    faces = load_test_faces(usage)
    if not is_fer2013(labels, usage):
        raise ValueError(
            f"the {len(labels)} {usage} labels are not FER2013's {len(faces)}, row by row: "
            f"such a run has the test set 'published' only"
        )
    left_out = faces["twin"] == 1 if test_set == "without_twins" else faces["NF"] > faces[list(VOTES)].sum(axis=1) / 2
    return np.flatnonzero(~left_out)


def majority_labels(votes, *, contempt=False):
    """The emotion that more than half of the voters saw: FER+'s labels, instead of FER2013's.

    Parameters
    ----------
    votes : pandas.DataFrame
        N rows, with the columns `VOTES`.
    contempt : bool
        Count FER+'s eighth emotion as one.

    Returns
    -------
    (N,) int64
        Index into `EMOTIONS`, or 7 for contempt; -1 where no emotion has a majority.
    """
    counts = votes[EMOTION_VOTES + ["contempt"] * contempt].to_numpy()
    return np.where(2 * counts.max(1) > votes[list(VOTES)].sum(axis=1), counts.argmax(1), -1)


def compare_with_votes(labels, predicted, votes):
    """Is the network wrong, or the label? With whom FER+'s voters side, for its hits and for its errors.

    Parameters
    ----------
    labels, predicted : (N,) int64
    votes : pandas.DataFrame
        N rows, with the columns `VOTES`.

    Returns
    -------
    pandas.DataFrame
        Faces; rows "hits", "errors" and "all"; columns by what the majority of voters saw: the label, the network's
        answer (of an error), another emotion, or no majority.
    """
    import pandas as pd

    majority = majority_labels(votes)
    side = np.select(
        [majority < 0, majority == labels, majority == predicted],
        ["no majority", "the label", "the network"],
        default="another emotion",
    )
    table = pd.crosstab(np.where(predicted == labels, "hits", "errors"), side)
    order = ["the label", "the network", "another emotion", "no majority"]
    table = table.reindex(index=["hits", "errors"], columns=order, fill_value=0)
    return pd.concat([table, table.sum().to_frame("all").T]).rename_axis(index=None, columns=None)
