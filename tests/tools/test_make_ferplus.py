import numpy as np
import pandas as pd
import pytest

from ferlib.data import VOTES, load_faces
from tools.make_ferplus import make_ferplus


def test_no_pixel_is_written_but_leaks_are_marked(tmp_path):
    faces = load_faces("embedded").select(np.arange(0, 2800, 4))
    votes = pd.DataFrame(1, index=range(len(faces)), columns=list(VOTES)).assign(Usage=faces.split)
    make_ferplus(faces, votes, tmp_path / "ferplus.npz")
    trained = {image.tobytes() for image in faces.part("Training").images}
    with np.load(tmp_path / "ferplus.npz") as file:
        assert "images" not in file and max(array.nbytes for array in file.values()) < 20 * len(faces)
        leaks = [image.tobytes() in trained for image in faces.images] & (faces.split != "Training")
        assert np.array_equal(file["in_training"], leaks)
        assert (file["votes"] == 1).all() and np.array_equal(file["labels"], faces.labels)


def test_votes_of_other_rows_are_refused(tmp_path):
    faces = load_faces("embedded")
    votes = pd.DataFrame(1, index=range(len(faces)), columns=list(VOTES)).assign(Usage=faces.split[::-1])
    with pytest.raises(ValueError, match=r"its 2800 rows are not those of FER\+"):
        make_ferplus(faces, votes, tmp_path / "ferplus.npz")
    assert not list(tmp_path.iterdir())
