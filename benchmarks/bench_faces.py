"""Photo to emotions beside the package `fer` 25.10.3 (Haar, mini-XCEPTION): faces found, false ones, milliseconds.

`fer` is installed on first use into build/fer, with the older packages that it needs. It runs in a process of its own,
and the two take turns, photo by photo; the table shows medians of whole calls, from the array to the probabilities.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import median

import numpy as np

ROUNDS = 7
FER = ["fer==25.10.3", "setuptools<80", "moviepy<2", "ffmpeg-python", "future", "imageio", "proglog", "decorator"]
SERVER = """
import contextlib, json, sys, time
import numpy as np
with contextlib.redirect_stdout(sys.stderr):
    from fer.fer import FER
    detector = FER()
for line in sys.stdin:
    photo = np.load(line.strip())[..., ::-1].copy()
    start = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        faces = detector.detect_emotions(photo)
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, [[int(n) for n in face["box"]] for face in faces]]), flush=True)
"""


def main():
    """Measure both on photos with and without faces."""
    import pandas as pd

    from benchmarks.scenes import match
    from ferlib.inference import load_predictor

    predictor, rows = load_predictor(), []
    with tempfile.TemporaryDirectory() as folder, start_fer() as fer:
        for name, (photo, boxes) in _photos().items():
            np.save(f"{folder}/photo.npy", photo)
            times = {"ferlib": [], "fer": []}
            for _ in range(1 + ROUNDS):
                start = time.perf_counter()
                ours = [face.box for face in predictor(photo)]
                times["ferlib"].append(time.perf_counter() - start)
                fer.stdin.write(f"{folder}/photo.npy\n")
                fer.stdin.flush()
                seconds, theirs = json.loads(fer.stdout.readline())
                times["fer"].append(seconds)
            found, false = match(ours, boxes)
            fer_found, fer_false = match(theirs, boxes)
            milliseconds = {way: 1000 * median(runs[1:]) for way, runs in times.items()}
            rows.append(
                {
                    **{"photo": name, "faces": len(boxes), "found": found, "false": false},
                    **{"ms": milliseconds["ferlib"], "fer found": fer_found, "fer false": fer_false},
                    **{"fer ms": milliseconds["fer"], "times fer": milliseconds["fer"] / milliseconds["ferlib"]},
                }
            )
        fer.stdin.close()
    return pd.DataFrame(rows).set_index("photo").round(1)


def _photos():
    import cv2

    from benchmarks.scenes import FACE, HEAD, collage, group_photo
    from ferlib.inference import sample_photo

    x, y, half = HEAD
    box = np.array([[x - FACE * half / 2, y - FACE * half / 2, FACE * half, FACE * half]])
    small = cv2.resize(sample_photo(), (384, 384), interpolation=cv2.INTER_AREA)
    photos = {"one face, 384x384": (small, box * 0.75)}
    for number, (faces, size) in enumerate([(1, (640, 480)), (11, (1280, 720)), (6, (2048, 1536)), (20, (2048, 1536))]):
        photos[f"{faces} faces, {size[0]}x{size[1]}"] = group_photo(size, faces, seed=number)
    return photos | {"nobody, 640x480": (collage((640, 480), seed=9), np.empty((0, 4)))}


def start_fer():
    from benchmarks.scenes import install

    environment = os.environ | {"PYTHONPATH": str(install("fer", FER)), "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return subprocess.Popen([sys.executable, "-c", SERVER], env=environment, **pipes)


if __name__ == "__main__":
    print(main().to_string())
