"""What alignment is worth: accuracy on PrivateTest faces pasted into photos, by how they are found and cut out.

1,000 faces of FER2013, enlarged to 80 to 240 pixels, rolled by up to 30 degrees, in another light, each in a picture
without faces. "as it was": the same faces untouched. Accuracy is given of the faces that both detectors
found, so that the ways differ in the crop alone, and on all, where a face not found counts as wrong.
The demo's network predicts. Without FER2013 (FERLIB_DATA) drawn faces stand in, of which it knows nothing.
"""

from dataclasses import replace

import numpy as np

FACES, SIZE = 1000, 320


def main(faces=FACES):
    """Paste, detect, crop, predict."""
    import cv2
    import pandas as pd

    from benchmarks.scenes import backgrounds, feathered, match, paste
    from ferlib.data import load_faces
    from ferlib.inference import crop_face, detect_faces, load_predictor

    data = load_faces()
    rng, scenes, mask = np.random.default_rng(0), backgrounds(), feathered(48, 48, margin=2)
    # corners of the square come too: FER2013 cuts faces so tightly that an ellipse would take the chin
    mask = np.maximum(mask, np.pad(np.ones((40, 40), np.float32), 4))
    rows = rng.permutation(np.flatnonzero(data.split == "PrivateTest"))[:faces]
    faces = len(rows)
    predictor = load_predictor()
    crops = {way: np.zeros((faces, 48, 48), np.uint8) for way in ("as it was", "aligned", "BlazeFace box", "Haar box")}
    found = {way: np.ones(faces, bool) for way in crops}
    for number, row in enumerate(rows):
        scene = cv2.resize(scenes[number % len(scenes)], (SIZE, SIZE))
        side = rng.uniform(80, 240)
        middle = rng.uniform(side * 0.65, SIZE - side * 0.65, 2) if side < 240 else [SIZE / 2] * 2
        picture = np.stack([data.images[row]] * 3, -1)
        change = dict(scale=side / 48, roll=rng.uniform(-30, 30), light=rng.uniform(0.4, 1.2))
        paste(scene, picture, mask, middle=middle, **change)
        box = np.array([[*(np.array(middle) - side / 2), side, side]])
        crops["as it was"][number] = data.images[row]
        for detector, ways in (("blazeface", ("aligned", "BlazeFace box")), ("haar", ("Haar box",))):
            true = [face for face in detect_faces(scene, detector=detector) if match([face.box], box)[0]]
            for way in ways:
                found[way][number] = bool(true)
                if true:
                    face = true[0] if way == "aligned" else replace(true[0], keypoints=None)
                    crops[way][number] = crop_face(scene, face)
    labels, both = data.labels[rows], found["aligned"] & found["Haar box"]
    correct = {way: (predictor.predict_images(crops[way]).argmax(1) == labels) & found[way] for way in crops}
    table = pd.DataFrame(
        {
            "found": {way: found[way].mean() for way in crops},
            f"accuracy, {both.sum()} found by both": {way: correct[way][both].mean() for way in crops},
            f"accuracy, {found['aligned'].sum()} found by BlazeFace": {
                way: correct[way][found["aligned"]].mean() for way in crops if way != "Haar box"
            },
            "accuracy, all": {way: correct[way].mean() for way in crops},
        }
    )
    return table.round(3)


if __name__ == "__main__":
    print(main().to_string())
