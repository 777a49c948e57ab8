"""`ferlib score` on photos of 1280x960 pixels with five faces each: photos a second, and where the time goes.

Rates are of whole calls, starting included, on as many cores as processes; beside them the usual loop with the package
`fer` on some of the photos, and, if it is installed, a Dask cluster on this machine, already started. Shares are of one
core's time in chunks. `python -m benchmarks.bench_score 2000` takes so many photos; few tell mostly how long starting
takes.
"""

import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PHOTOS, SIZE, FACES, FER_PHOTOS = 200, (1280, 960), 5, 40


def main(photos=PHOTOS):
    """Measure on so many photos that are composed for it."""
    import pandas as pd

    from ferlib.inference import score_files

    with tempfile.TemporaryDirectory() as folder:
        album, facts = Path(folder, "album"), {}
        size = _compose(album, photos)
        for jobs in (1, 2):
            start, before = time.perf_counter(), os.times()
            found = score_files([album], folder=Path(folder, f"{jobs} processes"), jobs=jobs)
            facts[f"photos/s, processes: {jobs}"] = photos / (time.perf_counter() - start)
            used = np.subtract(os.times(), before)[2:4].sum()
            facts[f"core ms a photo, processes: {jobs}"] = 1000 * used / photos
        facts |= _time_cluster(album, Path(folder), photos) if importlib.util.find_spec("distributed") else {}
        facts["photos/s, fer"] = _time_fer(album)
        facts |= _share_out(Path(folder, "1 processes"))
        facts |= {"faces found, %": 100 * found.faces / photos / FACES, "kB a photo": size / photos / 1000}
    return pd.Series(facts).rename_axis(f"{photos} photos").to_frame("measured").round(1)


def _compose(folder, photos):
    from PIL import Image

    from benchmarks.scenes import group_photo

    folder.mkdir()
    for number in range(photos):
        photo, _ = group_photo(SIZE, FACES, seed=number)
        Image.fromarray(photo).save(folder / f"{number:05}.jpg", quality=90)
    return sum(path.stat().st_size for path in folder.iterdir())


def _time_cluster(album, folder, photos):
    from distributed import LocalCluster

    from ferlib.inference import score_files

    rates = {}
    for workers in (1, 2):
        with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
            start = time.perf_counter()
            score_files([album], folder=folder / f"{workers} workers", scheduler=cluster.scheduler_address)
            rates[f"photos/s, Dask workers: {workers}"] = photos / (time.perf_counter() - start)
    return rates


def _time_fer(album):
    from benchmarks.bench_faces import start_fer
    from ferlib.inference import read_photo

    start = 0
    with start_fer() as fer, tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(sorted(album.iterdir())[: 1 + FER_PHOTOS]):
            start = time.perf_counter() if number == 1 else start  # the first starts it
            np.save(f"{folder}/photo.npy", read_photo(path))
            fer.stdin.write(f"{folder}/photo.npy\n")
            fer.stdin.flush()
            fer.stdout.readline()
        fer.stdin.close()
        return FER_PHOTOS / (time.perf_counter() - start)


def _share_out(scored):
    """Score a chunk again, profiled, in this process."""
    import cProfile
    import pstats

    from ferlib.inference._score import score_chunk

    score_chunk(scored, 0)
    with cProfile.Profile(time.thread_time) as profile:
        score_chunk(scored, 1)
    spent = {name: seconds for (_, _, name), (_, _, _, seconds, _) in pstats.Stats(profile).stats.items()}
    ways = {"decoding": "read_photo", "detection": "detect_faces", "network": "predict_images", "cutting": "crop_face"}
    ways["writing"] = "write_chunk"
    shares = {f"{way}, %": 100 * spent[name] / spent["score_chunk"] for way, name in ways.items()}
    return shares | {"the rest, %": 100 - sum(shares.values())}


if __name__ == "__main__":
    print(main(*map(int, sys.argv[1:])).to_string())
