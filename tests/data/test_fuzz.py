"""Whatever a file holds, loading it ends in faces or in a sentence with its name."""

import io
import zipfile

import numpy as np
import pytest
from fer_forms import csv_bytes, pictures, write_folder, write_npz, write_tar, write_zip

from ferlib import config
from ferlib.data import load_faces

FORMS = ("csv", "npz", "arrays of an npz", "zip", "tar.gz", "folders")


@pytest.fixture(scope="module")
def arrays():
    faces = load_faces("embedded").select(np.arange(0, 2800, 47))
    return np.array(faces.images), faces.labels, faces.split


def damage(content, rng):
    """The content with bytes flipped, cut off, inserted, left out or repeated."""
    start, end = sorted(rng.integers(0, len(content), 2))
    flipped = bytearray(content)
    for place in rng.integers(0, len(content), 10):
        flipped[place] = rng.integers(256)
    head = bytearray(content)
    head[rng.integers(min(64, len(head)))] = rng.integers(256)
    inserted = content[:start] + rng.bytes(500) + content[start:]
    ways = (bytes(flipped), bytes(head), content[:end], inserted, content[:start] + content[end:], content[start:])
    return ways[rng.integers(len(ways))]


def write_damaged(form, folder, arrays, rng):
    if form == "csv":
        columns = rng.permutation(["emotion", "pixels", "Usage"]).tolist()
        return write_folder(folder, {"fer.csv": damage(csv_bytes(arrays, columns=columns), rng)}) / "fer.csv"
    if form == "folders":
        suffix = rng.choice([".png", ".jpg", ".bmp", ".webp"])
        files = pictures([np.repeat(array, 4, axis=0) for array in arrays], suffix=suffix)
        name = rng.choice(list(files))
        return write_folder(folder, files | {name: damage(files[name], rng)})
    if form == "zip":
        path = write_zip(folder / "fer.zip", pictures(arrays))
    elif form == "tar.gz":
        path = write_tar(folder / "fer.tar.gz", {"fer.csv": csv_bytes(arrays)})
    else:
        path = write_npz(folder / "fer.npz", arrays)
    content = path.read_bytes()
    if form != "arrays of an npz":
        path.write_bytes(damage(content, rng))
        return path
    with zipfile.ZipFile(io.BytesIO(content)) as whole:  # the zip is sound, what is in it is not
        return write_zip(path, {name: damage(whole.read(name), rng) for name in whole.namelist()})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("form", FORMS)
def test_damaged_data_end_in_faces_or_a_sentence(form, seed, arrays, tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", tmp_path / "cache")
    (tmp_path / "source").mkdir()
    path = write_damaged(form, tmp_path / "source", arrays, np.random.default_rng(seed))
    try:
        assert len(load_faces(path)) > 0
    except (ValueError, OSError) as error:
        assert str(error).startswith(path.name)
