import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from itertools import pairwise

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ferlib import cli
from ferlib.config import DEMO_RUN, EMOTIONS
from ferlib.inference import _ledger as ledger
from ferlib.inference import load_predictor, load_scores, sample_photo, score_files
from ferlib.inference._video import Source, film_time

pytest.importorskip("pyarrow")
MODEL = "micro"
SIDE, PHOTOS = 256, 14
RUN = [sys.executable, "-m", "ferlib.cli", "score"]


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Photos of one and two faces in two folders, one of them broken, and a film of five seconds."""
    folder = tmp_path_factory.mktemp("event") / "party"
    (folder / "late").mkdir(parents=True)
    small = cv2.resize(sample_photo(), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    for number in range(PHOTOS):
        shifted = np.roll(np.hstack([small] * (1 + number % 2)), number, axis=1)
        path = folder / ("late" if number > 9 else "") / f"{number:02}.jpg"
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2024:05:01 20:{number:02}:30"
        Image.fromarray(shifted).save(path, exif=exif)
        path.write_bytes(path.read_bytes() + bytes(200_000))  # large files make several chunks
    (folder / "broken.jpg").write_bytes(b"\xff\xd8")
    write_film(folder / "late" / "film.mp4", [small] * 50)
    content = bytearray((folder / "late" / "film.mp4").read_bytes())
    begun = content.index(b"mvhd") + 8
    content[begun : begun + 4] = int((datetime(2024, 5, 1, 22) - datetime(1904, 1, 1)).total_seconds()).to_bytes(4)
    (folder / "late" / "film.mp4").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def scored(album, tmp_path_factory):
    """The scores of the album, by one process."""
    folder = tmp_path_factory.mktemp("scores") / "one"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "SEGMENT", 2.0)
        patch.setenv("TZ", "UTC+2")  # in POSIX's words, west of Greenwich
        time.tzset()
        score_files([album], folder=folder, model=MODEL, jobs=1)
    time.tzset()
    return folder


@pytest.fixture
def begun(scored, tmp_path):
    """A folder with the plan of the album, in which nothing is done."""
    shutil.copytree(scored / "plan", tmp_path / "out" / "plan")
    return tmp_path / "out"


def write_film(path, frames):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wait_for(happens):
    while not happens():
        time.sleep(0.01)


def start(command, folder):
    """A process of this command, once it has begun to write into the folder."""
    process, before = subprocess.Popen(command, stderr=subprocess.PIPE, text=True), len(list(folder.rglob("*")))
    wait_for(lambda: len(list(folder.rglob("*"))) > before or process.poll() is not None)
    return process


def test_every_face_is_a_row_with_its_time(scored):
    faces, files = load_scores(scored)
    assert list(files["file"]) == sorted(files["file"]) and set(files["group"]) == {"party", "party/late"}
    assert files["file"].str.fullmatch(r".*\d\.jpg").sum() == PHOTOS
    photos = faces[faces["second"].isna()]
    assert photos.groupby("file").size().to_dict() == {
        f"party/{'late/' if number > 9 else ''}{number:02}.jpg": 1 + number % 2 for number in range(PHOTOS)
    }
    assert list(photos["taken"].dt.minute) == [number for number in range(PHOTOS) for _ in range(1 + number % 2)]
    assert np.allclose(faces[list(EMOTIONS)].sum(axis=1), 1, atol=1e-5) and faces["score"].between(0.5, 1).all()
    assert (faces["abstained"] == (faces["predicted"] == "not sure")).all()
    assert set(faces["model"]) == {MODEL} and faces["version"].str.fullmatch("[0-9a-f]{12}").all()
    assert files["faces"].sum() == len(faces)


def test_a_film_is_scored_in_parts_by_its_clock(scored):
    faces, files = load_scores(scored)
    film = faces[faces["file"] == "party/late/film.mp4"]
    assert list(film["second"]) == [0, 1, 2, 3, 4]
    assert list(film["taken"]) == list(pd.date_range("2024-05-01 20:00", periods=5, freq="s"))
    parts = files[files["file"] == "party/late/film.mp4"]
    assert list(parts["faces"]) == [2, 3] and list(parts["taken"].dt.second) == [0, 2]


def test_a_broken_file_is_a_row_with_its_reason(scored, album):
    _, files = load_scores(scored)
    (rejected,) = files[files["rejected"] != ""].to_dict("records")
    assert rejected["file"] == "party/broken.jpg" and rejected["faces"] == 0 and pd.isna(rejected["taken"])
    assert "party/broken.jpg" in rejected["rejected"] and str(album) not in rejected["rejected"]


def test_probabilities_are_not_shifted_but_the_answer_is_the_demos(album, tmp_path):
    run = DEMO_RUN
    assert load_predictor(run).logit_adjustment
    shown, plain = load_predictor(run), load_predictor(run, logit_adjustment=0)
    files, left, remarks = score_files([album / "00.jpg"], folder=tmp_path, model=run, jobs=1)
    faces, _ = load_scores(tmp_path)
    assert list(files["file"]) == ["00.jpg"] and left == 0 and remarks == []
    assert faces["file"][0] == "00.jpg" and faces["group"][0] == ""
    (face,) = plain(album / "00.jpg")
    assert np.allclose(faces.loc[0, list(EMOTIONS)].astype(float), face.probabilities, atol=1e-4)
    assert faces["predicted"][0] == shown(album / "00.jpg")[0].predicted


def test_a_report_is_a_page(scored, tmp_path, capsys):
    assert cli.main(["report", str(scored), "--html", str(tmp_path / "page.html")]) == 0
    assert "work and in education" in capsys.readouterr().out
    assert "What the audience showed" in (tmp_path / "page.html").read_text()


def test_shards_and_processes_write_the_same_bytes(scored, album, begun):
    files, left, _ = score_files([album], folder=begun, model=MODEL, jobs=2, shard=(1, 2))
    assert left and 0 < len(files) < PHOTOS
    with pytest.raises(ValueError, match="not finished"):
        load_scores(begun)
    _, left, _ = score_files([album], folder=begun, model=MODEL, jobs=1, shard=(2, 2))
    assert not left
    assert contents(begun) == contents(scored)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_anywhere_it_goes_on(scored, album, begun):
    command, rng = [*RUN, album, "--out", begun, "--model", MODEL, "--jobs", "2"], np.random.default_rng(0)
    for stop in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        process = start(command, begun)
        time.sleep(rng.uniform(0, 0.2))
        process.send_signal(stop)
        said = process.communicate()[1]
        if stop == signal.SIGINT:  # one that comes when all is written may find Python on its way out
            assert process.returncode in (0, 130, -signal.SIGINT)
        if stop == signal.SIGINT and contents(begun) != contents(scored):
            assert process.returncode == 130 and said == "\nferlib score: stopped: the same command goes on\n"
    subprocess.run(command, check=True)
    assert contents(begun) == contents(scored)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process")
def test_after_a_full_disk_it_goes_on(scored, album, begun):
    full = "import resource as r, sys; r.setrlimit(r.RLIMIT_FSIZE, (4000, 4000)); from ferlib.cli import main; "
    options = ["score", album, "--out", begun, "--model", MODEL, "--jobs", "1"]
    code = f"{full}sys.exit(main({[*map(str, options)]}))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 1 and "make room" in process.stderr and process.stderr.count("\n") == 1
    assert len(contents(begun)) < len(contents(scored))
    assert cli.main(list(map(str, options))) == 0
    assert contents(begun) == contents(scored)


def test_a_dask_cluster_writes_the_same_bytes_though_a_worker_dies(scored, album, begun):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        options = dict(folder=begun, model=MODEL, scheduler=cluster.scheduler_address)
        scoring = threading.Thread(target=score_files, args=([album],), kwargs=options)
        scoring.start()
        wait_for(lambda: ledger.done_chunks(begun))
        os.kill(cluster.workers[0].pid, signal.SIGTERM)
        scoring.join()
    assert contents(begun) == contents(scored)


def test_other_sources_and_networks_are_refused(album, begun):
    with pytest.raises(ValueError, match=r"holds the scores of sources .*party"):
        score_files([album / "late"], folder=begun, model=MODEL)
    with pytest.raises(ValueError, match="holds the scores of model micro"):
        score_files([album], folder=begun, model="compact")
    with pytest.raises(FileNotFoundError, match="gone"):
        score_files([album / "gone"], folder=begun / "new", model=MODEL)
    with pytest.raises(ValueError, match="shard 3/2: expected 1/2 to 2/2"):
        score_files([album], folder=begun, model=MODEL, shard=(3, 2))


def test_the_list_has_every_file_once(album, tmp_path):
    (tmp_path / "late").mkdir()
    shutil.copy(album / "00.jpg", tmp_path / "late")
    sizes = ledger.open_plan(tmp_path / "a", [album / "late", album, tmp_path / "late"], model="", version="")
    parts = [part for number in range(len(sizes)) for part in ledger.read_chunk(tmp_path / "a", number)]
    names = [part["file"] for part in parts]
    assert len(sizes) > 2 and names == sorted(set(names)) and len(names) == sizes.sum() == PHOTOS + 3
    with pytest.raises(ValueError, match="no photo and no film"):
        ledger.open_plan(tmp_path / "b", [tmp_path / "a"], model="", version="")


def test_parts_of_a_film_have_the_frames_of_the_whole(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (95, 4, 4, 3), np.uint8)
    film = write_film(tmp_path / "film.avi", [cv2.resize(picture, (64, 64)) for picture in pictures])
    whole = list(Source(film).read(3))
    ends = [*range(0, 9, 2), np.inf]
    parts = [frame for start, end in pairwise(ends) for frame in Source(film).read(3, start=start, end=end)]
    assert [second for second, _ in parts] == [second for second, _ in whole]
    assert all(np.array_equal(part, frame) for (_, part), (_, frame) in zip(parts, whole, strict=True))
    assert film_time(film) is None
