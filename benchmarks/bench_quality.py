"""The quality tables: how long they take on all of FER2013, beside what a user would use instead.

Every measurement is a process of its own, on faces that are already in the cache. `seconds` is the table alone, `cpu`
what all its threads took together (the fairer figure on a machine that has other work), `peak MB` the most memory that
the process ever held; `found` is the number of rows or pairs. The usual ways: pandas on the pixels as text, and
scikit-learn's neighbours of faces shrunk to 16x16, which finds pairs but confirms none.
"""

import json
import subprocess
import sys

PREPARE = """
import json, sys, time
import numpy as np, pandas as pd
from ferlib.data import load_faces, load_ferplus
from ferlib.quality import (
    find_duplicates, find_issues, find_label_issues, find_near_duplicates, find_non_faces, find_poor_images,
    label_probabilities,
)
faces = load_faces(sys.argv[1] or None)
texts = pd.Series([" ".join(map(str, image.ravel())) for image in faces.images]) if "texts" in sys.argv[2] else None
start, cpu = time.perf_counter(), time.process_time()
"""
REPORT = """
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
except ImportError:  # Windows
    peak = float("nan")
print(json.dumps({"found": len(table), "seconds": seconds, "cpu": cpu, "peak MB": peak / 1e6}))
"""
NEIGHBOURS = """
from sklearn.neighbors import NearestNeighbors
small = faces.images.reshape(-1, 16, 3, 16, 3).mean((2, 4), dtype=np.float32).reshape(len(faces), -1)
small = (small - small.mean(1, keepdims=True)) / np.maximum(small.std(1, keepdims=True), 1)
near = NearestNeighbors(radius=np.sqrt(2 * 256 * 0.05), algorithm="brute").fit(small).radius_neighbors(small)[1]
table = [(row, duplicate) for row, duplicates in enumerate(near) for duplicate in duplicates if duplicate > row]
"""
WAYS = {
    "pandas: duplicated(pixels)": "table = texts[texts.duplicated(keep=False)]",
    "find_duplicates": "table = find_duplicates(faces)",
    "scikit-learn: radius_neighbors": NEIGHBOURS,
    "find_near_duplicates, mirrored too": "table = find_near_duplicates(faces)",
    "find_poor_images": "table = find_poor_images(faces)",
    "votes and label issues": (
        "ferplus = load_ferplus(faces); table = pd.concat([find_non_faces(faces, ferplus.votes),"
        "find_label_issues(faces, label_probabilities(faces, ferplus), ferplus.votes)])"
    ),
    "find_issues: all of them": "table = find_issues(faces)",
}


def main(source=None):
    """Measure every way on `source`, as in `load_faces`."""
    import pandas as pd

    _run(source, "table = []")  # fills the cache
    return pd.DataFrame({name: _run(source, code) for name, code in WAYS.items()}).T.round(
        {"found": 0, "seconds": 2, "cpu": 2, "peak MB": 0}
    )


def _run(source, code):
    command = [sys.executable, "-c", PREPARE + code + REPORT, source or "", code]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


if __name__ == "__main__":
    print(main(*sys.argv[1:2]).to_string())
