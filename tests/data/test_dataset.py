import errno
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pandas as pd
import pytest
from fer_forms import assert_same, csv_bytes, make_arrays, pictures, write_folder, write_npz, write_tar, write_zip

from ferlib import config
from ferlib.config import EMOTIONS, SPLITS
from ferlib.data import _dataset as dataset
from ferlib.data import convert_faces, count_labels, download_faces, find_source, load_faces

ARRAYS = make_arrays()


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", tmp_path / "cache")
    monkeypatch.setattr(config, "DATA_DIR", tmp_path / "data")
    monkeypatch.delenv("FERLIB_DATA", raising=False)


def csv_form(name="fer2013.csv", **how):
    return lambda folder: write_folder(folder, {name: csv_bytes(ARRAYS, **how)}) / name


def picture_form(**how):
    return lambda folder: write_folder(folder, pictures(ARRAYS, **how))


def coded(arrays):
    images, labels, split = arrays
    return images, labels.astype(np.uint8), np.array([SPLITS.index(name) for name in split], np.uint8)


FORMS = {
    "csv": csv_form(),
    "csv, Windows line ends": csv_form(end="\r\n"),
    "csv, quoted": csv_form(quote='"'),
    "csv, no last line end": csv_form(last_end=False),
    "icml": csv_form("icml_face_data.csv", columns=("emotion", " Usage", " pixels")),
    "folders": picture_form(),
    "folders, adjectives": picture_form(scheme="adjectives"),
    "folders, nouns in capitals": picture_form(scheme="nouns"),
    "folders, RGB": picture_form(colour=True),
    "folders, validation and no prefix": picture_form(prefix=False, validation=True),
    "folders, one down": lambda folder: write_folder(folder / "archive", pictures(ARRAYS)).parent,
    "folder with a csv": lambda folder: csv_form()(folder / "fer2013").parent.parent,
    "folder with a zip": lambda folder: write_zip(folder / "fer.zip", {"fer2013.csv": csv_bytes(ARRAYS)}).parent,
    "zip of csv": lambda folder: write_zip(folder / "a.zip", {"fer2013.csv": csv_bytes(ARRAYS)}),
    "zip of csv, one down": lambda folder: write_zip(folder / "a.zip", {"f.csv": csv_bytes(ARRAYS)}, "fer2013/"),
    "tar.gz of csv": lambda folder: write_tar(folder / "a.tar.gz", {"fer2013.csv": csv_bytes(ARRAYS)}, "fer2013/"),
    "tar of csv": lambda folder: write_tar(folder / "a.tar", {"fer2013.csv": csv_bytes(ARRAYS)}),
    "zip of folders": lambda folder: write_zip(folder / "a.zip", pictures(ARRAYS)),
    "zip of folders, one down": lambda folder: write_zip(folder / "a.zip", pictures(ARRAYS), "archive/"),
    "npz": lambda folder: write_npz(folder / "fer2013.npz", ARRAYS),
    "npz, codes": lambda folder: write_npz(folder / "a.npz", coded(ARRAYS)),
    "folder with an npz": lambda folder: write_npz(folder / "a.npz", ARRAYS).parent,
    "zip of npz": lambda folder: write_zip(
        folder / "a.zip", {"fer/a.npz": write_npz(folder / "a.npz", ARRAYS).read_bytes()}
    ),
    "tgz of folders, two down": lambda folder: write_tar(folder / "a.tgz", pictures(ARRAYS), "x/y/"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_loads_to_the_same_faces(form, tmp_path):
    (tmp_path / "source").mkdir()
    source = FORMS[form](tmp_path / "source")
    for _ in range(2):  # read, and from the cache
        faces = load_faces(source)
        assert_same(faces, ARRAYS)
        assert not faces.images.flags.writeable and len(faces) == 40
    assert faces.fingerprint == load_faces(FORMS["csv"](tmp_path / "other")).fingerprint


@pytest.mark.parametrize("how", [{"suffix": ".jpg"}, {"size": 224}, {"suffix": ".jpg", "size": 224, "colour": True}])
def test_jpeg_and_enlarged_copies_differ_by_their_compression_only(how, tmp_path):
    arrays = [array[2:] for array in ARRAYS]  # the smooth ones
    faces = load_faces(write_folder(tmp_path / "jpeg", pictures(arrays, **how)))
    assert np.abs(faces.images.astype(int) - arrays[0]).mean() < 4
    np.testing.assert_array_equal(faces.labels, arrays[1])
    np.testing.assert_array_equal(faces.split, arrays[2])
    zipped = load_faces(write_zip(tmp_path / "jpeg.zip", pictures(arrays, **how)))
    np.testing.assert_array_equal(zipped.images, faces.images)


def test_a_csv_without_usage_is_training_only(tmp_path):
    faces = load_faces(csv_form("train.csv", columns=("emotion", "pixels"))(tmp_path))
    assert set(faces.split) == {"Training"}


def test_test_pictures_without_any_split_are_shared_by_both_test_splits(tmp_path):
    faces = load_faces(write_folder(tmp_path / "fer", pictures(ARRAYS, prefix=False)))
    held_out = ARRAYS[2] != "Training"
    np.testing.assert_array_equal(faces.split == "Training", ~held_out)
    for label in range(7):
        public, private = ((faces.split[held_out & (faces.labels == label)] == split).sum() for split in SPLITS[1:])
        assert 0 <= public - private <= 1
    assert faces.source == "fer (test folder halved)"


def test_a_split_folder_named_by_itself_keeps_its_split(tmp_path):
    write_folder(tmp_path, pictures(ARRAYS, prefix=False, validation=True))
    assert set(load_faces(tmp_path / "validation").split) == {"PublicTest"}
    assert set(load_faces(tmp_path / "train").split) == {"Training"}


def test_of_a_folder_full_of_files_the_complete_csv_is_found(tmp_path):
    write_folder(
        tmp_path,
        {
            "README.md": b"# data",
            "example_submission.csv": b"emotion\n0\n",
            "fer2013new.csv": b"Usage,Image name,neutral\nTraining,fer0000000.png,4\n",
            "icml_face_data.csv": csv_bytes(ARRAYS, columns=("emotion", " Usage", " pixels")),
            "test.csv": csv_bytes(ARRAYS, columns=("pixels",)),
            "train.csv": csv_bytes(ARRAYS, columns=("emotion", "pixels")),
            "zip.zip": b"not looked at",
        },
    )
    assert find_source(tmp_path).name == "icml_face_data.csv"
    zipped = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert_same(load_faces(write_zip(tmp_path / "all.zip", zipped)), ARRAYS)


def test_an_npz_without_split_is_training_and_one_without_a_split_loads(tmp_path):
    assert set(load_faces(write_npz(tmp_path / "a.npz", (*ARRAYS[:2], None))).split) == {"Training"}
    rows = ARRAYS[2] != "PrivateTest"
    assert len(load_faces(write_npz(tmp_path / "b.npz", [array[rows] for array in ARRAYS]))) == rows.sum()


def test_an_npz_may_call_the_split_usage_as_the_csv_does(tmp_path):
    np.savez(tmp_path / "c.npz", images=ARRAYS[0], labels=ARRAYS[1], usage=ARRAYS[2])
    assert_same(load_faces(tmp_path / "c.npz"), ARRAYS)


IMAGES, LABELS, SPLIT = ARRAYS


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((None, LABELS, SPLIT), "expected the arrays images, labels and split; saw labels, split"),
        ((IMAGES, None, SPLIT), "expected the arrays images, labels and split; saw images, split"),
        ((IMAGES[:, :40], LABELS, SPLIT), r"images are uint8 \(40, 40, 48\), expected uint8 \(N, 48, 48\)"),
        ((IMAGES / 255, LABELS, SPLIT), r"images are float64 \(40, 48, 48\), expected uint8"),
        ((IMAGES, LABELS[1:], SPLIT), r"labels are \(39,\), expected one for each of 40 images"),
        ((IMAGES, LABELS, SPLIT[:, None]), r"split are \(40, 1\), expected one for each of 40 images"),
        ((IMAGES, LABELS * 0 + 7, SPLIT), r"40 of 40 rows .* 40 x label 7, expected 0 to 6 \(first: fer.npz row 0\)"),
        ((IMAGES, LABELS, np.repeat("Test", 40)), "40 x split 'Test', expected Training, PublicTest, PrivateTest"),
        ((IMAGES, LABELS, np.repeat(3, 40)), "40 x split 3, expected Training"),
        ((IMAGES, LABELS, SPLIT.astype(object)), "an array is damaged, cut off or of Python objects"),
        ((IMAGES[:0], LABELS[:0], SPLIT[:0]), "no rows"),
    ],
)
def test_an_npz_of_something_else_is_refused_with_a_sentence(arrays, message, tmp_path):
    with pytest.raises(ValueError, match=f"fer.npz: .*{message}"):
        load_faces(write_npz(tmp_path / "fer.npz", arrays))


def test_a_damaged_npz_says_so(tmp_path):
    whole = write_npz(tmp_path / "fer.npz", ARRAYS).read_bytes()
    for damaged in (whole[:1000], whole[:5000] + b"x" + whole[5001:]):
        (tmp_path / "fer.npz").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"fer.npz: .*damaged.* cut off.*; fetch it again"):
            load_faces(tmp_path / "fer.npz")


def test_a_bad_row_of_an_npz_is_rejected(tmp_path):
    images, labels, split = make_arrays(200)
    labels[3] = 9
    faces = load_faces(write_npz(tmp_path / "fer.npz", (images, labels, split)))
    assert len(faces) == 199
    assert faces.rejected.to_numpy().tolist() == [["fer.npz row 3", "label 9, expected 0 to 6"]]


def test_what_this_project_ships_in_its_data_folder_is_not_the_users_fer2013(tmp_path):
    (tmp_path / "data").mkdir()
    for file in config.PROJECT_DIR.glob("data/*.*"):
        shutil.copy(file, tmp_path / "data")
    assert find_source() is None
    mine = write_npz(tmp_path / "data" / "fer2013.npz", ARRAYS)
    assert find_source() == mine


def test_argument_then_environment_then_data_folder_then_embedded(tmp_path, monkeypatch, capsys):
    assert find_source() is None
    faces = load_faces()
    assert "embedded drawn faces" in capsys.readouterr().out and faces.source == "embedded"
    assert len(faces) == 2800 and set(faces.split) == set(SPLITS) and set(faces.labels) == set(range(7))
    in_data = csv_form()(tmp_path / "data")
    assert find_source() == in_data
    in_environment = csv_form()(tmp_path / "elsewhere")
    monkeypatch.setenv("FERLIB_DATA", str(in_environment.parent))
    assert find_source() == in_environment
    assert find_source(in_data) == in_data
    monkeypatch.setenv("FERLIB_DATA", "embedded")
    assert find_source() is None
    assert load_faces().fingerprint == faces.fingerprint == load_faces("embedded").fingerprint
    assert not capsys.readouterr().out, "asked for, so nothing to explain"


def test_data_folder_with_pictures_beside_its_own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", tmp_path / "data" / "cache")
    write_folder(tmp_path / "data", {"README.md": b"# data"} | pictures(ARRAYS))
    assert_same(load_faces(), ARRAYS)
    monkeypatch.setattr(dataset, "read_source", None)
    assert_same(load_faces(), ARRAYS)


def test_what_does_not_exist_is_an_error_and_no_fallback(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"nowhere.csv: no such file.*expected a csv"):
        load_faces(tmp_path / "nowhere.csv")
    monkeypatch.setenv("FERLIB_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"FERLIB_DATA=.*nowhere: no such file"):
        load_faces()


def test_a_folder_without_classes_says_what_was_expected_and_seen(tmp_path):
    write_folder(tmp_path, {f"cats/{number}.png": b"x" for number in range(3)} | {"notes.txt": b"x"})
    with pytest.raises(ValueError, match=r"expected a csv .*train/<class>/.*saw cats, notes.txt"):
        load_faces(tmp_path)


def test_a_useless_csv_in_the_data_folder_is_named(tmp_path):
    write_folder(tmp_path / "data", {"fer2013.csv": b""})
    with pytest.raises(ValueError, match=r"fer2013.csv: 0 bytes"):
        load_faces()


def test_select_takes_rows_with_repetitions_and_masks(tmp_path):
    faces = load_faces(csv_form()(tmp_path))
    twice = faces.select([3, 3, 1])
    np.testing.assert_array_equal(twice.labels, ARRAYS[1][[3, 3, 1]])
    assert len(faces.select(faces.split == "Training")) == (ARRAYS[2] == "Training").sum()
    assert twice.fingerprint != faces.fingerprint


def test_a_part_is_a_split():
    faces = load_faces("embedded")
    parts = [faces.part(split) for split in SPLITS]
    assert [set(part.split) for part in parts] == [{split} for split in SPLITS]
    assert sum(map(len, parts)) == len(faces)
    with pytest.raises(ValueError, match="'Test': expected one of Training, PublicTest, PrivateTest"):
        faces.part("Test")


def test_count_labels_names_every_emotion():
    counts = count_labels(np.array([3, 3, 6]))
    assert list(counts.index) == list(EMOTIONS)
    assert counts["happy"] == 2 and counts["neutral"] == 1 and counts["disgust"] == 0


def test_csv_to_folders_to_npz_to_csv_gives_the_same_file(tmp_path):
    first = csv_form()(tmp_path)
    folder = convert_faces(first, tmp_path / "png")
    assert sorted(path.name for path in (folder / "train").iterdir()) == sorted(EMOTIONS)
    npz = convert_faces(folder, tmp_path / "again.npz")
    second = convert_faces(npz, tmp_path / "again.csv")
    assert second.read_bytes() == first.read_bytes()


def test_convert_refuses_to_overwrite_and_leaves_nothing_after_an_error(tmp_path, monkeypatch):
    source = csv_form()(tmp_path / "source")
    with pytest.raises(FileExistsError, match=r"fer2013.csv: exists already; remove it"):
        convert_faces(source, source)
    from PIL import Image

    monkeypatch.setattr(Image, "fromarray", None)
    with pytest.raises(TypeError):
        convert_faces(source, tmp_path / "target" / "png")
    assert not list((tmp_path / "target").iterdir())


@pytest.mark.parametrize("name", ["fer.csv", "fer.npz", "png"])
def test_a_full_disk_ends_a_conversion_with_a_sentence_and_no_half_file(name, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for writer in ("_write_csv", "_write_npz", "_write_pictures"):
        monkeypatch.setattr(f"ferlib.data._convert.{writer}", full)
    with pytest.raises(OSError, match=rf"target.{name}: cannot be written \(No space left on device\); name another"):
        convert_faces(csv_form()(tmp_path / "source"), tmp_path / "target" / name)
    assert not list((tmp_path / "target").iterdir())


class Kaggle(http.server.BaseHTTPRequestHandler):
    """Stands in for Kaggle: one data set, as its service delivers it."""

    archive = b""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        described = self.path.endswith("GetDataset")
        body = json.dumps({"currentVersionNumber": 1}).encode() if described else self.archive
        self.send_response(200 if body else 403)
        self.send_header("Content-Type", "application/json" if described else "application/zip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def kaggle(monkeypatch):
    from kagglesdk import kaggle_env

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kaggle)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, address)
    yield server
    server.shutdown()
    server.server_close()


def test_download_puts_class_folders_into_the_data_folder(kaggle, tmp_path, monkeypatch):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in pictures(ARRAYS).items():
            file.writestr(name, content)
    monkeypatch.setattr(Kaggle, "archive", archive.getvalue())
    assert download_faces(tmp_path / "data") == tmp_path / "data" / "fer2013"
    assert_same(load_faces(), ARRAYS)
    with pytest.raises(FileExistsError, match="exists already"):
        download_faces(tmp_path / "data")


@pytest.mark.parametrize("answer", [b"", b"<html>log in</html>", b"PK\x03\x04 half an archive"])
def test_a_failed_download_tells_the_way_by_hand_and_leaves_nothing(answer, kaggle, tmp_path, monkeypatch):
    monkeypatch.setattr(Kaggle, "archive", answer)
    with pytest.raises(ConnectionError, match=r"did not deliver msambare/fer2013 .*by hand from https://www.kaggle"):
        download_faces(tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def test_download_without_a_network(kaggle, tmp_path):
    kaggle.shutdown()
    kaggle.server_close()
    with pytest.raises(ConnectionError, match=r"\(no connection\). Download it by hand"):
        download_faces(tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def test_loading_needs_no_heavy_package():
    code = "import ferlib.data, sys; print(sorted({'tensorflow', 'keras', 'sklearn', 'cv2'} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"


def test_rejected_rows_come_back_with_place_and_reason(tmp_path):
    lines = csv_bytes(make_arrays(300)).split(b"\n")
    lines[11] = lines[11].replace(b" ", b",", 1)
    lines[199] = b"0," + lines[199].split(b" ", 1)[1]
    source = write_folder(tmp_path, {"fer2013.csv": b"\n".join(lines)}) / "fer2013.csv"
    expected = pd.DataFrame(
        {
            "where": ["fer2013.csv line 12", "fer2013.csv line 200"],
            "reason": ["4 fields, expected 3 as in the first line", "2303 pixels, expected 2304 (48x48)"],
        }
    )
    for _ in range(2):
        faces = load_faces(source)
        pd.testing.assert_frame_equal(faces.rejected, expected, check_dtype=False)
        assert len(faces) == 298


def test_a_relative_ferlib_data_is_found_from_a_notebooks_folder(tmp_path, monkeypatch):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "fer2013.csv").write_text("emotion,pixels,Usage\n")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setattr(config, "PROJECT_DIR", tmp_path)
    monkeypatch.setenv("FERLIB_DATA", "faces")
    assert find_source() == tmp_path / "faces" / "fer2013.csv"
