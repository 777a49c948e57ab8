"""Make data/ferplus.npz from FER2013 and FER+'s table: python -m tools.make_ferplus FER2013 fer2013new.csv

It keeps the votes, whether Training holds an exact duplicate of a test face, a perceptual hash to know each face by,
and out-of-fold probabilities of a simple model: no pixel. With it, scoring on every test set needs no data set.
"""

import sys

import numpy as np
import pandas as pd

from ferlib.config import SPLITS
from ferlib.data import FERPLUS_FILE, VOTES, load_faces, perceptual_hashes
from ferlib.quality import find_train_duplicates, out_of_fold_probabilities


def make_ferplus(faces, votes, path=FERPLUS_FILE):
    """Write the file.

    Parameters
    ----------
    faces : FaceDataset
        FER2013, in the csv's row order.
    votes : pandas.DataFrame
        FER+'s table, whose row i belongs to row i of FER2013.
    path : path

    Raises
    ------
    ValueError
        If the rows of the two do not belong together.
    """
    if len(faces) != len(votes) or (votes["Usage"].to_numpy() != faces.split).any():
        raise ValueError(
            f"{faces.source}: its {len(faces)} rows are not those of FER+ ({len(votes)}): give fer2013.csv"
        )
    np.savez_compressed(
        path,
        votes=votes[list(VOTES)].to_numpy(np.uint8),
        labels=faces.labels.astype(np.uint8),
        split=np.array([SPLITS.index(name) for name in faces.split], dtype=np.uint8),
        in_training=find_train_duplicates(faces) != "",
        hashes=perceptual_hashes(faces.images),
        out_of_fold=out_of_fold_probabilities(faces, seed=0).astype(np.float16),
    )


if __name__ == "__main__":
    make_ferplus(load_faces(sys.argv[1]), pd.read_csv(sys.argv[2]))
