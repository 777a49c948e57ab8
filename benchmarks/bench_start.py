"""Start-up: how long after pressing return the command line answers, against starting TensorFlow and Keras for it.

Whole processes, imports included; the commands take turns, the table shows medians.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from ferlib.config import MODELS_DIR

ROUNDS = 5

FERLIB = [sys.executable, "-m", "ferlib.cli"]
USUAL = """
import sys, cv2, keras, numpy as np
from ferlib.inference import crop_face, detect_faces, read_photo
photo = read_photo(sys.argv[1])
crops = np.stack([crop_face(photo, face) for face in detect_faces(photo)])
print(keras.models.load_model(sys.argv[2]).predict(crops[..., None], verbose=0).round(2))
"""


def main():
    """Measure the help, a prediction, and the same prediction with `model.predict`."""
    import cv2
    import pandas as pd

    from ferlib.inference import sample_photo

    with tempfile.TemporaryDirectory() as folder:
        photo = str(Path(folder) / "astronaut.png")
        cv2.imwrite(photo, sample_photo()[..., ::-1])
        commands = {
            "python -c 'import keras'": [sys.executable, "-c", "import keras"],
            "load_model and model.predict on a photo": [
                *[sys.executable, "-c", USUAL],
                *[photo, str(MODELS_DIR / "compact" / "model.keras")],
            ],
            "ferlib predict on the same photo": [*FERLIB, "predict", photo],
            "ferlib --help": [*FERLIB, "--help"],
            "python -c 'import ferlib'": [sys.executable, "-c", "import ferlib"],
        }
        seconds = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run(
                    command, check=True, capture_output=True, env=os.environ | {"KERAS_BACKEND": "tensorflow"}
                )
                seconds[name].append(time.perf_counter() - start)
    table = pd.DataFrame({"seconds": {name: median(runs) for name, runs in seconds.items()}})
    table["times faster than model.predict"] = table["seconds"].iloc[1] / table["seconds"]
    return table.round({"seconds": 3, "times faster than model.predict": 1})


if __name__ == "__main__":
    print(main().to_string())
