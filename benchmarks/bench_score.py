"""`ferlib score` on photos of 1280x960 pixels with five faces each: photos a second, memory, and where the time goes.

Rates are of whole calls, starting included, on as many cores as processes; beside them a Dask cluster on this machine,
already started, and the usual loop with the package `fer` on a tenth of the photos, which takes all cores. Memory is
the most that this process and those it started hold together. Shares are of one core's time in a chunk. A second of
film (H.264, 1280x720, 25 frames) is decoded whole for the one frame that is scored, as `ferlib score` does, and beside
it with PyAV by its key frames alone, of which there is one a second.
`python -m benchmarks.bench_score 2000` takes so many photos; few tell mostly how long starting takes.
"""

import json
import os
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

PHOTOS, SIZE, FACES = 200, (1280, 960), 5


def main(photos=PHOTOS):
    """Measure on so many photos that are composed for it."""
    import pandas as pd
    from distributed import LocalCluster

    from ferlib.inference import score_files

    with tempfile.TemporaryDirectory() as name:
        folder, facts = Path(name), {}
        album = folder / "album"
        size = _compose(album, photos)
        for jobs in (1, 2):
            with _measure(facts, f"processes: {jobs}", photos):
                files, *_ = score_files([album], folder=folder / f"{jobs}", jobs=jobs)
        for workers in (1, 2):
            cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
            with cluster, _measure(facts, f"Dask workers: {workers}", photos):
                score_files([album], folder=folder / f"dask {workers}", scheduler=cluster.scheduler_address)
        facts["photos/s, fer"] = _time_fer(sorted(album.iterdir())[: 1 + photos // 10])
        facts["times faster than fer"] = facts["photos/s, processes: 2"] / facts["photos/s, fer"]
        for ways in ("processes", "Dask workers"):
            facts[f"rate of 2 beside 1, {ways}"] = facts[f"photos/s, {ways}: 2"] / facts[f"photos/s, {ways}: 1"]
        facts |= _share_out(folder / "1") | _time_film(folder / "film.mp4")
        facts |= {
            "faces found, %": 100 * files["faces"].sum() / photos / FACES,
            "kB a photo": size / photos / 1000,
        }
    return pd.Series(facts).rename_axis(f"{photos} photos").to_frame("measured").round(2)


def _compose(folder, photos):
    from PIL import Image

    from benchmarks.scenes import group_photo

    folder.mkdir()
    for number in range(photos):
        photo, _ = group_photo(SIZE, FACES, seed=number)
        Image.fromarray(photo).save(folder / f"{number:05}.jpg", quality=90)
    return sum(path.stat().st_size for path in folder.iterdir())


@contextmanager
def _measure(facts, name, photos):
    """Note the photos a second, and the memory (MiB) of this process and its children at most."""
    import psutil

    done, held = threading.Event(), []

    def watch():
        while not done.wait(0.2):
            sizes = []
            for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
                try:
                    sizes.append(process.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            held.append(sum(sizes))

    thread, start, before = threading.Thread(target=watch), time.perf_counter(), os.times()
    thread.start()
    yield
    facts[f"photos/s, {name}"] = photos / (time.perf_counter() - start)
    if used := np.subtract(os.times(), before)[2:4].sum():  # of processes that have ended
        facts[f"core ms a photo, {name}"] = 1000 * used / photos
    done.set()
    thread.join()
    facts[f"MiB, {name}"] = max(held) / 2**20


def _time_fer(paths):
    from benchmarks.bench_faces import start_fer
    from ferlib.inference import read_photo

    spent = []
    with start_fer() as fer, tempfile.TemporaryDirectory() as folder:
        for path in paths:
            start = time.perf_counter()
            photo = read_photo(path)
            seconds = time.perf_counter() - start
            np.save(f"{folder}/photo.npy", photo)
            fer.stdin.write(f"{folder}/photo.npy\n")
            fer.stdin.flush()
            spent.append(seconds + json.loads(fer.stdout.readline())[0])
        fer.stdin.close()
    return 1 / np.mean(spent[1:])  # the first starts it


def _share_out(scored):
    """Score a chunk again, profiled, in this process."""
    import cProfile
    import pstats

    from ferlib.inference._ledger import read_chunk
    from ferlib.inference._score import score_chunk

    score_chunk(scored, 0)
    with cProfile.Profile(time.thread_time) as profile:
        score_chunk(scored, 1)
    spent = {name: seconds for (_, _, name), (_, _, _, seconds, _) in pstats.Stats(profile).stats.items()}
    ways = {"decoding": "read_photo", "detection": "detect_faces", "network": "predict_images", "cutting": "crop_face"}
    ways["writing"] = "write_chunk"
    shares = {f"{way}, %": 100 * spent[name] / spent["score_chunk"] for way, name in ways.items()}
    shares["the rest, %"] = 100 - sum(shares.values())
    return {"core ms a photo, without starting": 1000 * spent["score_chunk"] / len(read_chunk(scored, 1))} | shares


def _time_film(path, seconds=20):
    from benchmarks.scenes import group_photo, install
    from ferlib.inference._litert import use_one_core
    from ferlib.inference._video import Source

    sys.path.append(str(install("av", ["av"])))
    import av

    scene, _ = group_photo((1280, 720), FACES, seed=0)
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"g": "25"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(25 * seconds):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(scene, 2 * number, axis=1), "rgb24")))
        film.mux(stream.encode())
    use_one_core()
    start = time.process_time()
    whole = sum(1 for _ in Source(path).read(1))
    middle = time.process_time()
    with av.open(str(path)) as film:
        film.streams.video[0].codec_context.skip_frame = "NONKEY"
        keys = sum(frame.to_ndarray(format="rgb24") is not None for frame in film.decode(video=0))
    ways = {"all frames": (middle - start) / whole, "key frames": (time.process_time() - middle) / keys}
    return {f"core ms a second of film, {way}": 1000 * spent for way, spent in ways.items()}


if __name__ == "__main__":
    print(main(*map(int, sys.argv[1:])).to_string())
