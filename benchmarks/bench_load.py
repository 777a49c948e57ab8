"""Load the FER2013 csv: ferlib against pandas and `np.array(p.split())` a row.

Every measurement is a process of its own; the ways take turns, the table shows medians. `seconds` is the load
alone, `process` the whole process with its imports, `peak MB` the most memory that the process ever held.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROUNDS = 5
ROWS = 35_887  # of FER2013: a csv of drawn faces is repeated to this length

PREPARE = """
import time
import numpy as np, pandas as pd
from ferlib import config
from ferlib.data import load_faces
csv, config.CACHE_DIR = {csv!r}, config.Path({cache!r})
start = time.perf_counter()
"""
REPORT = """
seconds = time.perf_counter() - start
assert images.shape[1:] == (48, 48) and images.dtype == np.uint8, images.shape
try:
    import resource, sys
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
except ImportError:  # Windows
    peak = float("nan")
import json
print(json.dumps([seconds, peak]))
"""
USUAL = """
table = pd.read_csv(csv)
images = np.array([np.array(p.split(), dtype="uint8") for p in table["pixels"]]).reshape(-1, 48, 48)
"""
WAYS = {
    "pandas, then np.array(p.split())": USUAL,
    "load_faces, first time": "images = load_faces(csv).images",
    "load_faces, from its cache": "images = load_faces(csv).images",
    "the same, and every pixel read": "images = load_faces(csv).images; images.max()",
}


def main(source=None):
    """Measure every way on `source` (as in `load_faces`; anything but a csv is converted to one first)."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as folder:
        csv = _find_csv(source, Path(folder))
        size = csv.stat().st_size
        print(f"{csv.name}, {size / 1e6:.0f} MB, {ROUNDS} rounds", flush=True)
        measured = {name: [] for name in WAYS}
        for turn in range(ROUNDS):
            for name, code in WAYS.items():
                # "first time" gets a new folder each turn, and leaves it to the two that follow
                prepare = PREPARE.format(csv=str(csv), cache=f"{folder}/cache{turn}")
                measured[name].append(_run(prepare + code + REPORT))
    rows = {}
    for name, runs in measured.items():
        seconds, process, peak = (median(values) for values in zip(*runs, strict=True))
        rows[name] = {"seconds": seconds, "process": process, "peak MB": peak / 1e6, "peak / csv": peak / size}
    table = pd.DataFrame(rows).T
    table.insert(1, "times faster", table["seconds"].iloc[0] / table["seconds"])
    return table.round({"seconds": 3, "times faster": 1, "process": 2, "peak MB": 0, "peak / csv": 2})


def _run(code):
    import time

    start = time.perf_counter()
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    seconds, peak = json.loads(output.splitlines()[-1])
    return seconds, time.perf_counter() - start, peak


def _find_csv(source, folder):
    """A plain csv of the source; made in a process of its own, since a child's peak starts at its parent's."""
    code = "import sys; from ferlib.data import convert_faces, find_source; source = sys.argv[1] or None; "
    show = "print(find_source(source) or 'embedded')"
    found = _call(code + show, source or "").splitlines()[-1]
    if found.endswith(".csv"):
        return Path(found)
    csv = folder / ("drawn_faces.csv" if found == "embedded" else "converted.csv")
    _call(code + "convert_faces(source, sys.argv[2])", found, str(csv))
    if found == "embedded":
        print("No FER2013 here: measuring on drawn faces, repeated to FER2013's number of rows.")
        header, *lines = csv.read_bytes().splitlines(keepends=True)
        with open(csv, "wb") as file:
            file.writelines([header, *(lines[row % len(lines)] for row in range(ROWS))])
    return csv


def _call(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    print(main(*sys.argv[1:2]).to_string())
