import numpy as np
import pandas as pd
import pytest

from ferlib import config
from ferlib.data import VOTES, load_faces
from ferlib.quality import find_near_duplicates, out_of_fold_probabilities


@pytest.fixture(scope="session")
def faces():
    """The embedded data set."""
    return load_faces("embedded")


@pytest.fixture(scope="session")
def truth():
    """Its planted issues: row, issue, original, true_label."""
    return pd.read_csv(config.EMBEDDED_FILE.with_name("embedded_truth.csv"))


@pytest.fixture(scope="session")
def planted(truth):
    """A function: the lines of `truth` with one issue."""
    return lambda issue: truth[truth["issue"] == issue]


@pytest.fixture(scope="session")
def votes(faces, truth):
    """What ten imagined voters call each face, in the shape of FER+'s votes.

    Each sees the emotion that is drawn with probability 0.85, else any of the eight, or says "unknown"; where no face
    is, all say so.
    """
    seen = faces.labels.copy()
    seen[truth["row"]] = truth["true_label"]
    columns = np.array([4, 5, 6, 1, 3, 2, 0])  # of FER2013's emotions among FER+'s
    chances = np.full((len(seen), 10), 0.15 / 9)
    chances[:, -1] = 0
    chances[np.arange(len(seen)), columns[seen]] += 0.85
    chances[seen < 0] = np.eye(10)[-1]
    drawn = np.random.default_rng(3).multinomial(10, chances / chances.sum(1, keepdims=True))
    return pd.DataFrame(drawn, columns=list(VOTES))


@pytest.fixture(scope="session")
def near(faces):
    return find_near_duplicates(faces)


@pytest.fixture(scope="session")
def probabilities(faces):
    return out_of_fold_probabilities(faces, seed=0)
