"""What a camera costs: accuracy on FER2013's faces laid into pictures, by how they are found and cut out.

Faces of PublicTest that FER+'s voters agree on, 24 to 240 pixels wide, rolled by up to 30 degrees, in another light,
blurred, noisy, saved as JPEG, each in a picture without faces. "as it was": the same faces untouched. A network is
correct where it predicts what the majority of the voters saw. `python -m benchmarks.bench_align RUN...` measures other
runs than the demo's, and writes `in_pictures.csv` into their folders; `--private-test` takes those faces, once the
choice is made.
"""

import sys

import cv2
import numpy as np

from benchmarks import haar
from benchmarks.scenes import backgrounds, feathered, match, paste

SIZE = 320


def lay_face(image, scene, rng):
    """A face (48, 48) uint8 in a picture, as a camera might take it, and its box (4,)."""
    scene, side = cv2.resize(scene, (SIZE, SIZE)), rng.uniform(24, 240)
    # corners of the square come too: FER2013 cuts faces so tightly that an ellipse would take the chin
    mask = np.maximum(feathered(48, 48, margin=2), np.pad(np.ones((40, 40), np.float32), 4))
    margin = min(side * 0.65, SIZE / 2)
    middle = rng.uniform(margin, SIZE - margin, 2)
    change = dict(scale=side / 48, roll=rng.uniform(-30, 30), light=rng.uniform(0.4, 1.2))
    paste(scene, np.stack([image] * 3, -1), mask, middle=middle, **change)
    scene = cv2.GaussianBlur(scene, (0, 0), 0.1 + rng.uniform(0, 0.03) * side)
    noisy = scene + rng.normal(0, rng.uniform(0, 12), scene.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))]
    scene = cv2.imdecode(cv2.imencode(".jpg", noisy.clip(0, 255).astype(np.uint8), quality)[1], cv2.IMREAD_COLOR)
    return scene, np.array([*(middle - side / 2), side, side])


def find_and_crop(images):
    """Lay faces (N, 48, 48) into pictures and cut them out again: crops by way, and which were found, (N,) bool."""
    from dataclasses import replace

    from ferlib.inference import crop_face, detect_faces

    rng, scenes = np.random.default_rng(0), backgrounds()
    crops = {way: np.zeros_like(images) for way in ("aligned", "BlazeFace box", "Haar box")} | {"as it was": images}
    found = {way: np.zeros(len(images), bool) for way in crops} | {"as it was": np.ones(len(images), bool)}
    for number, image in enumerate(images):
        scene, box = lay_face(image, scenes[number % len(scenes)], rng)
        for detect, ways in ((detect_faces, ("aligned", "BlazeFace box")), (haar.detect_faces, ("Haar box",))):
            true = [face for face in detect(scene) if match([face.box], box[None])[0]]
            for way in ways if true else ():
                face = true[0] if way == "aligned" else replace(true[0], keypoints=None)
                crops[way][number], found[way][number] = crop_face(scene, face), True
    return crops, found


def main(runs=(), split="PublicTest"):
    """Lay, detect, crop, predict."""
    import pandas as pd

    from ferlib.config import DEMO_RUN, MODELS_DIR
    from ferlib.data import load_faces, load_ferplus, majority_labels
    from ferlib.inference import load_predictor

    part = load_faces().part(split)
    labels = majority_labels(load_ferplus(part).votes)
    rows = np.flatnonzero(labels >= 0)
    labels = labels[rows]
    crops, found = find_and_crop(part.images[rows])
    tables = {}
    for run in runs or [DEMO_RUN]:
        predict_images = load_predictor(run).predict_images
        correct = {way: (predict_images(crops[way]).argmax(1) == labels) & found[way] for way in crops}
        table = pd.DataFrame(index=pd.Index(list(crops), name="way"))
        table["found"] = [found[way].sum() for way in crops]
        for name, chosen in (("BlazeFace", found["aligned"]), ("both", found["aligned"] & found["Haar box"])):
            table[f"accuracy, found by {name}"] = [correct[way][chosen].mean() for way in crops]
            table[f"faces, found by {name}"] = chosen.sum()
        table["accuracy, all"] = [correct[way].mean() for way in crops]
        table.insert(0, "split", split)
        tables[run] = table
        if runs:
            table.to_csv(MODELS_DIR / run / "in_pictures.csv", float_format="%.6f", lineterminator="\n")
    return pd.concat(tables, names=["run"])


if __name__ == "__main__":
    names = [name for name in sys.argv[1:] if name != "--private-test"]
    print(main(names, "PrivateTest" if "--private-test" in sys.argv else "PublicTest").round(3).to_string())
