import csv
import json
import os
import tracemalloc

import cv2
import numpy as np
import pytest
from PIL import Image

from ferlib.inference import PhotoError, find_files, load_predictor, predict_files, sample_photo
from ferlib.inference._files import COLUMNS, MOST_ROWS
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


def read(paths, predictor, folder, plot_timeline=None):
    """What `predict_files` gives for files and folders, by name."""
    files, _ = find_files(paths, output=folder)
    return {
        result.file.name: result
        for result in predict_files(files, predictor, folder=folder, plot_timeline=plot_timeline)
    }


def test_a_folder_is_predicted_whole(album, predictor, tmp_path):
    files, remarks = find_files([album], output=tmp_path)
    assert [file.name for file in files] == ["broken.jpg", "film.mp4", "me.jpg", "me.png", "wall.png"]
    assert remarks == [f"{album}: photos: 4, videos: 1; passed over: .txt: 1"]
    out = tmp_path / "out"
    found = read([album], predictor, out, plot_timeline=plot_timeline)
    assert {name: len(result.rows) for name, result in found.items()} == {
        **{"broken.jpg": 0, "film.mp4": 3, "me.jpg": 1, "me.png": 2, "wall.png": 0}
    }
    assert (found["film.mp4"].persons, found["film.mp4"].predictions) == (1, 3)
    assert "broken.jpg" in found["broken.jpg"].error and found["wall.png"].error is None
    assert {path.name for path in out.iterdir()} == {
        *["film_faces.mp4", "film_faces.png", "me_faces.jpg", "me_faces_2.jpg", "wall_faces.jpg"],
        *["predictions.csv", "predictions.json"],
    }
    assert cv2.imread(str(out / "me_faces_2.jpg")).shape == (512, 1024, 3)
    assert cv2.VideoCapture(str(out / "film_faces.mp4")).read()[0]


def test_both_tables_say_what_was_returned(album, predictor, tmp_path):
    returned = [row for result in read([album], predictor, tmp_path).values() for row in result.rows]
    assert json.loads((tmp_path / "predictions.json").read_text()) == returned
    with (tmp_path / "predictions.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(returned) == 6 and tuple(table[0]) == COLUMNS
    assert [float(row["happy"]) for row in table] == [row["happy"] for row in returned]
    assert {row["time"] for row in table} >= {"", "0.1"}
    assert all(0.5 < float(row["score"]) < 1 for row in table)


def test_named_files_are_predicted_whatever_their_name(album, predictor, tmp_path):
    (album / "me.jpg").rename(album / "portrait")
    (result,) = read([album / "portrait"], predictor, tmp_path).values()
    assert len(result.rows) == 1 and result.error is None
    (result,) = read([album / "gone.jpg"], predictor, tmp_path).values()
    assert result.rows == [] and "no such photo" in result.error


@pytest.mark.parametrize(
    "problem", [cv2.error("(-215) ssize > 0"), MemoryError(), RuntimeError("no\ntensor"), OSError()]
)
def test_whatever_is_raised_for_a_file_is_its_sentence_and_the_rest_is_read(problem, album, predictor, tmp_path):
    def fail_for_walls(photo):
        if len(photo) == 100:
            raise problem
        return predictor(photo)

    found = read([album], fail_for_walls, tmp_path)
    assert "wall.png cannot be read (" in found["wall.png"].error and "\n" not in found["wall.png"].error
    assert len(found["me.png"].rows) == 2
    assert len(json.loads((tmp_path / "predictions.json").read_text())) == 6


def test_a_picture_too_long_for_a_jpeg_is_read_and_its_copy_shrunk(predictor, tmp_path):
    Image.new("RGB", (70_000, 20), "gray").save(tmp_path / "panorama.png")
    assert read([tmp_path / "panorama.png"], predictor, tmp_path)["panorama.png"].error is None
    with Image.open(tmp_path / "panorama_faces.jpg") as copy:
        assert copy.width == 65_500


@pytest.mark.parametrize("stem", ["x" * 250, "\N{CJK UNIFIED IDEOGRAPH-4F60}" * 83], ids=["latin", "chinese"])
def test_the_copy_of_a_file_with_a_very_long_name_has_a_shorter_one(stem, predictor, tmp_path):
    (tmp_path / "album").mkdir()
    Image.fromarray(sample_photo()).save(tmp_path / "album" / f"{stem}.jpg")
    (result,) = read([tmp_path / "album"], predictor, tmp_path / "out").values()
    assert len(result.rows) == 1 and result.error is None
    assert len(list((tmp_path / "out").glob("*_faces.jpg"))) == 1


def test_a_copy_that_cannot_be_written_loses_no_prediction(album, predictor, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "ferlib.inference._files.whole_or_nothing", lambda target: (_ for _ in ()).throw(OSError(28, "full"))
    )
    result = read([album / "me.jpg"], predictor, tmp_path)["me.jpg"]
    assert len(result.rows) == 1 and "was read, but its copy cannot be written (full)" in result.error
    assert (tmp_path / "predictions.csv").read_text().count("me.jpg") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device")
def test_a_full_disk_is_told_and_leaves_no_table(album, predictor, tmp_path):
    (tmp_path / "predictions.unfinished.csv").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"tables cannot be written .No space left on device.: make room"):
        read([album], predictor, tmp_path)
    assert not list(tmp_path.glob("predictions.csv"))


def test_tables_of_an_interrupted_batch_are_called_unfinished_and_hold_what_was_read(album, predictor, tmp_path):
    files, _ = find_files([album / "me.jpg", album / "wall.png"], output=tmp_path)
    results = predict_files(files, predictor, folder=tmp_path)
    next(results)
    results.close()
    assert {path.name for path in tmp_path.glob("predictions*")} == {
        *["predictions.unfinished.csv", "predictions.unfinished.json"]
    }
    assert "me.jpg" in (tmp_path / "predictions.unfinished.csv").read_text()


def test_what_cannot_be_read_of_a_folder_is_named(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "album" / ".hidden").mkdir(parents=True)
    for name in ("._x.jpg", "Thumbs.db", "desktop.ini", ".hidden/x.jpg", "notes.TXT", "README"):
        (tmp_path / "album" / name).write_text("milk")
    (tmp_path / "album" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    files, (remark,) = find_files([tmp_path / "album"], output=tmp_path / "out")
    assert not files
    assert all(part in remark for part in ("photos: 0", "links to folders: 1", ".txt: 1", "without suffix: 1", ".jpeg"))
    assert not any(part in remark for part in (".db", ".ini", "hidden"))


@pytest.mark.parametrize("name", "a.jfif b.HEIC c.flv d.wmv e.mpg f.ts g.3gp".split())
def test_files_with_rarer_suffixes_are_found(name, tmp_path):
    (tmp_path / name).write_bytes(b"")
    assert find_files([tmp_path], output=tmp_path)[0] == [tmp_path / name]


@pytest.mark.parametrize("out", ["predictions", "."])
def test_what_was_written_is_never_read_and_no_source_overwritten(out, album, predictor, tmp_path):
    Image.fromarray(sample_photo()[:, ::-1]).save(album / "me_faces.jpg")
    before, folder = (album / "me_faces.jpg").read_bytes(), album / out
    first = read([album], predictor, folder, plot_timeline=plot_timeline)
    written = set(folder.iterdir())
    again = read([album], predictor, folder, plot_timeline=plot_timeline)
    assert len(again) == len(first) == 6 and set(folder.iterdir()) == written
    assert (album / "me_faces.jpg").read_bytes() == before
    copies = [path for path in written if "_faces" in path.name and path != album / "me_faces.jpg"]
    files, remarks = find_files(copies, output=tmp_path)
    assert not files and len(remarks) == len(copies) == 6


def test_a_long_video_is_written_whole_and_held_in_part(predictor, tmp_path, monkeypatch):
    faces = predictor(sample_photo())

    def follow(source, predictor, *, target):
        target.write_bytes(b"film")
        for number in range(2 * MOST_ROWS):
            yield [{"time": number / 10, "person": 1, **face.as_row()} for face in faces]
        raise PhotoError("film.mp4 read until 4000 s of 5000 s")

    monkeypatch.setattr("ferlib.inference._files.predict_frames", follow)
    tracemalloc.start()
    result = read([tmp_path / "film.mp4"], predictor, tmp_path)["film.mp4"]
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()
    assert result.error == "film.mp4 read until 4000 s of 5000 s" and result.predictions == 2 * MOST_ROWS
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 1 + 2 * MOST_ROWS
    assert MOST_ROWS / 3 < len(result.rows) <= MOST_ROWS and result.rows[-1]["time"] > 3999
    assert (tmp_path / "film_faces.mp4").read_bytes().startswith(b"film")


def test_thousands_of_photos_take_no_more_memory_than_a_few(predictor, tmp_path, monkeypatch):
    photo = sample_photo()[:64, :64]
    monkeypatch.setattr("ferlib.inference._files.read_photo", lambda path: photo)
    monkeypatch.setattr("ferlib.inference._files.draw_predictions", lambda photo, predictions: photo)
    faces, peaks = predictor(sample_photo()), []
    for count in (50, 1000):
        tracemalloc.start()
        for _ in predict_files([tmp_path / "a.jpg"] * count, lambda photo: faces, folder=tmp_path):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000
