import os
import subprocess
import sys
import time

import numpy as np
import pytest
from fer_forms import assert_same, csv_bytes, make_arrays, pictures, write_folder, write_zip

from ferlib import config
from ferlib.data import _dataset as dataset
from ferlib.data import load_faces

ARRAYS = make_arrays(30)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(csv_bytes(ARRAYS))
    return path


def test_the_second_load_maps_the_first_and_reads_no_source(tmp_path, monkeypatch):
    source = write_zip(tmp_path / "fer.zip", {"fer2013.csv": csv_bytes(ARRAYS)})
    load_faces(source)
    monkeypatch.setattr(dataset, "read_source", None)
    faces = load_faces(source)
    assert_same(faces, ARRAYS)
    assert isinstance(faces.images.base, np.memmap) or isinstance(faces.images, np.memmap)


def test_a_changed_file_is_read_anew_and_its_old_entry_goes(csv, cache):
    load_faces(csv)
    other = make_arrays(30, seed=1)
    csv.write_bytes(csv_bytes(other))
    assert_same(load_faces(csv), other)
    assert len(list(cache.iterdir())) == 1


def test_a_changed_date_alone_is_a_change(csv, cache):
    load_faces(csv)
    (before,) = cache.iterdir()
    os.utime(csv, (1, 1))
    load_faces(csv)
    (after,) = cache.iterdir()
    assert after != before


def test_a_picture_more_in_a_folder_is_a_change(tmp_path):
    files = pictures(ARRAYS)
    folder = write_folder(tmp_path / "fer", files)
    assert len(load_faces(folder)) == 30
    write_folder(folder, {"train/happy/Training_99.png": next(iter(files.values()))})
    assert len(load_faces(folder)) == 31


def test_two_sources_have_an_entry_each(csv, tmp_path, cache):
    load_faces(csv)
    load_faces(write_folder(tmp_path / "fer", pictures(ARRAYS)))
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("size", [0, 100, 30_000, -300, -10, None])
def test_a_broken_entry_is_rebuilt(size, csv, cache, monkeypatch):
    load_faces(csv)
    (entry,) = cache.iterdir()
    content = entry.read_bytes()
    entry.unlink() if size is None else entry.write_bytes(content[:size])
    assert_same(load_faces(csv), ARRAYS)
    monkeypatch.setattr(dataset, "read_source", None)
    assert_same(load_faces(csv), ARRAYS)
    assert entry.read_bytes() == content


def test_a_cache_that_cannot_be_written_is_a_warning(csv, tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", csv / "cache")  # below a file
    with pytest.warns(UserWarning, match="no cache, so every load reads the source anew"):
        assert_same(load_faces(csv), ARRAYS)


def test_an_error_while_reading_leaves_no_entry(csv, cache):
    csv.write_bytes(b"emotion,pixels,Usage\n")
    with pytest.raises(ValueError, match="no rows"):
        load_faces(csv)
    assert not cache.exists()


def test_leftovers_of_a_killed_process_go_after_a_day(csv, cache):
    for name, age in ((".unfinished-old", 2 * 86400), (".unfinished-new", 60)):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (time.time() - age,) * 2)
    load_faces(csv)
    assert not (cache / ".unfinished-old").exists() and (cache / ".unfinished-new").exists()


def test_processes_at_once_all_get_the_faces_and_leave_one_entry(csv, cache, tmp_path):
    code = f"""
import time
from pathlib import Path
from ferlib import config
from ferlib.data import load_faces
config.CACHE_DIR = Path({str(cache)!r})
Path({str(tmp_path)!r}, f"ready{{__import__('os').getpid()}}").touch()
while not Path({str(tmp_path / "go")!r}).exists():
    time.sleep(0.001)
for _ in range(10):
    print(load_faces({str(csv)!r}).fingerprint)
    if _ % 3 == 2:  # break it under the others
        for file in config.CACHE_DIR.glob("*.npy"):
            file.unlink(missing_ok=True)
"""
    processes = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    while len(list(tmp_path.glob("ready*"))) < len(processes):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)
    (tmp_path / "go").touch()
    answers = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert {line for answer in answers for line in answer} == {load_faces(csv).fingerprint}
    assert sum(map(len, answers)) == 30
    assert len(list(cache.iterdir())) == 1
