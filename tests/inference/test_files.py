import csv
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from ferlib.inference import find_files, load_predictor, predict_files, sample_photo
from ferlib.inference._files import COLUMNS
from ferlib.plots import plot_timeline


@pytest.fixture(scope="module")
def predictor(run_folder):
    return load_predictor("tiny", models_dir=run_folder.parent)


@pytest.fixture
def album(tmp_path):
    """Two photos of one name, a film, a broken photo, a wall and a text."""
    folder = tmp_path / "album"
    (folder / "trip").mkdir(parents=True)
    Image.fromarray(sample_photo()).save(folder / "me.jpg")
    Image.fromarray(np.hstack([sample_photo(), sample_photo()])).save(folder / "trip" / "me.png")
    Image.new("RGB", (200, 100), "gray").save(folder / "wall.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8")
    (folder / "notes.txt").write_text("milk")
    writer = cv2.VideoWriter(str(folder / "film.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10, (512, 512))
    for _ in range(3):
        writer.write(sample_photo()[..., ::-1])
    writer.release()
    return folder


def test_a_folder_is_predicted_whole(album, predictor, tmp_path):
    files = find_files([album])
    assert [file.name for file in files] == ["broken.jpg", "film.mp4", "me.jpg", "me.png", "wall.png"]
    out = tmp_path / "out"
    results = predict_files(files, predictor, folder=out, plot_timeline=plot_timeline)
    found = {path.name: (rows, error) for path, rows, error in results}
    assert {name: len(rows) for name, (rows, _) in found.items()} == {
        **{"broken.jpg": 0, "film.mp4": 3, "me.jpg": 1, "me.png": 2, "wall.png": 0}
    }
    assert "broken.jpg" in found["broken.jpg"][1] and found["wall.png"][1] is None
    assert {path.name for path in out.iterdir()} == {
        *["film_faces.mp4", "film_faces.png", "me_faces.jpg", "me_faces_2.jpg", "wall_faces.jpg"],
        *["predictions.csv", "predictions.json"],
    }
    assert cv2.imread(str(out / "me_faces_2.jpg")).shape == (512, 1024, 3)


def test_both_tables_say_what_was_returned(album, predictor, tmp_path):
    returned = [row for _, rows, _ in predict_files(find_files([album]), predictor, folder=tmp_path) for row in rows]
    assert json.loads((tmp_path / "predictions.json").read_text()) == returned
    with (tmp_path / "predictions.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(returned) == 6 and tuple(table[0]) == COLUMNS
    assert [float(row["happy"]) for row in table] == [row["happy"] for row in returned]
    assert {row["time"] for row in table} >= {"", "0.1"}
    assert all(0.5 < float(row["score"]) < 1 for row in table)


def test_named_files_are_predicted_whatever_their_name(album, predictor, tmp_path):
    (album / "me.jpg").rename(album / "portrait")
    ((_, rows, error),) = predict_files(find_files([album / "portrait"]), predictor, folder=tmp_path)
    assert len(rows) == 1 and error is None
    ((_, rows, error),) = predict_files(find_files([album / "gone.jpg"]), predictor, folder=tmp_path)
    assert rows == [] and "no such photo" in error
