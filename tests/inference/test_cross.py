import cv2
import numpy as np
import pytest

from ferlib import cli
from ferlib.inference import load_predictor, predict_class_folders, sample_photo


@pytest.fixture
def folder(tmp_path):
    """An album of another data set: three emotions under other names, contempt, a face, faces cut out, a bad file."""
    for name in ("0_readme", "Train/ANGER", "Train/happiness", "Valid/SU", "Valid/contempt"):
        (tmp_path / name).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "Train/happiness/astronaut.png"), sample_photo()[..., ::-1])
    crop = np.random.default_rng(0).integers(0, 255, (48, 48), np.uint8)
    for name in (
        "Train/ANGER/1.png",
        "Train/ANGER/sub.png",
        "Valid/SU/2.jpg",
        "Valid/contempt/3.png",
        "0_readme/4.png",
    ):
        cv2.imwrite(str(tmp_path / name), crop)
    (tmp_path / "Valid/SU/bad.jpg").write_text("not a picture")
    return tmp_path


def test_pictures_in_class_folders_are_found_aligned_or_taken_as_they_are(folder):
    predictor = load_predictor()
    labels, probabilities, found, rejected = predict_class_folders(folder, predictor)
    assert labels.tolist() == [0, 0, 3, 5]
    assert found.tolist() == [False, False, True, False]
    assert np.allclose(probabilities[2], predictor(sample_photo())[0].probabilities)
    crop = cv2.imread(str(folder / "Train/ANGER/1.png"), cv2.IMREAD_GRAYSCALE)
    assert np.allclose(probabilities[0], predictor.predict_images(crop[None])[0])
    assert len(rejected) == 1 and "bad.jpg" in rejected[0]


def test_a_folder_without_class_folders_is_refused(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(ValueError, match=r"expected folders of pictures named angry, .*; its folders: 1"):
        predict_class_folders(tmp_path, None)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        predict_class_folders(tmp_path / "none", None)


def test_other_peoples_data_are_scored(folder, capsys):
    assert cli.main(["evaluate", "micro", "--cross", "--data", str(folder)]) == 0
    printed = capsys.readouterr()
    assert "4 pictures, 1 faces found and aligned, 3 taken as they are, 1 not read; contempt is left out" in printed.out
    assert "predicting all seven emotions: accuracy" in printed.out
    assert "predicting the 3 that are there: accuracy" in printed.out
    assert "bad.jpg" in printed.err
    assert cli.main(["evaluate", "micro", "--cross"]) == 1
    assert "--cross needs --data FOLDER" in capsys.readouterr().err
