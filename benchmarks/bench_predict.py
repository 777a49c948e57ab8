"""Where the milliseconds of a prediction go: detection in 640x480 pixels, prediction, beside the usual ways.

All cores are used, but where it says otherwise. The ways take turns; the table shows medians of warm calls.
"""

import time
from functools import partial
from statistics import median

import numpy as np

from ferlib.config import MODELS_DIR

ROUNDS, BATCH = 30, 64


def main():
    """Measure detectors, all networks that are shipped, and the demo's in Keras."""
    import cv2
    import keras
    import pandas as pd

    from benchmarks import haar
    from benchmarks.scenes import group_photo
    from ferlib.evaluation import list_networks
    from ferlib.inference import Network, crop_face, detect_faces, load_predictor, sample_photo

    photo = cv2.resize(sample_photo(), (640, 480), interpolation=cv2.INTER_AREA)
    rolled, _ = group_photo((640, 480), 1, seed=0)  # and in little light: it takes more looks
    face = detect_faces(photo)[0]
    crop = crop_face(photo, face)
    predictor = load_predictor()
    crops = np.stack([crop] * BATCH)
    pixels = crops[..., None].astype(np.float32)
    ways = {
        "detect: BlazeFace": (lambda: detect_faces(photo), 1),
        "detect: BlazeFace, rolled and dark": (lambda: detect_faces(rolled), 1),
        "detect: Haar cascade": (lambda: haar.detect_faces(photo), 1),
        "crop, upright": (lambda: crop_face(photo, face), 1),
    }
    for network in list_networks():
        name = network["name"]
        predict = load_predictor(name).predict_images
        one_core = Network((MODELS_DIR / name / "model.tflite").read_bytes())
        ways[f"{name}, 1 face"] = partial(predict, crops[:1]), 1
        ways[f"{name}, 1 face, one core"] = partial(one_core, pixels[:1]), 1
        ways[f"{name}, {BATCH} faces, each"] = partial(predict, crops), BATCH
    in_keras = partial(keras.models.load_model(MODELS_DIR / "compact" / "model.keras").predict, verbose=0)
    ways["compact, 1 face, model.predict"] = partial(in_keras, pixels[:1]), 1
    ways[f"compact, {BATCH} faces, each, model.predict"] = partial(in_keras, pixels), BATCH
    ways["photo to predictions"] = partial(predictor, photo), 1
    seconds = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        for name, (way, faces) in ways.items():
            start = time.perf_counter()
            way()
            if number:
                seconds[name].append((time.perf_counter() - start) / faces)
    return pd.DataFrame({"ms": {name: 1000 * median(times) for name, times in seconds.items()}}).round(2)


if __name__ == "__main__":
    print(main().to_string())
