"""Train side by side: images a second of several processes together, each a training of its own, beside one alone.

What `ferlib train --zoo --jobs N` gains: a small network leaves a large GPU idle, a CPU's cores wait for each other.
Every training is `MODEL` with the augmentation "full". A rate is what further epochs take, so that starting and
exporting do not count; the numbers of processes take turns, the table shows medians.
`python -m benchmarks.bench_jobs 1 6` measures these two once, and prints the faster number last.
"""

import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROUNDS, EPOCHS, MODEL = 3, (2, 10), "simple"


def main(*jobs, rounds=ROUNDS):
    """Measure so many at a time, 1 and 2 if not told, on the embedded faces and Keras' backend."""
    import pandas as pd

    from ferlib import load_faces

    faces, jobs = load_faces("embedded"), jobs or (1, 2)
    rates = {number: [] for number in jobs}
    for _ in range(rounds):
        for number in jobs:
            few, many = (_time_zoo(faces, number, epochs) for epochs in EPOCHS)
            images = number * (EPOCHS[1] - EPOCHS[0]) * len(faces.part("Training"))
            rates[number].append(images / (many - few))
    table = pd.Series({number: median(rates[number]) for number in jobs}).rename_axis("processes").to_frame("images/s")
    return table.round(0).assign(**{"times one alone": (table["images/s"] / table["images/s"].iloc[0]).round(2)})


def _time_zoo(faces, jobs, epochs):
    from ferlib import TrainConfig
    from ferlib.training import train_zoo

    zoo = {f"run{seed}": TrainConfig(MODEL, epochs=epochs, augment="full", seed=seed) for seed in range(jobs)}
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        train_zoo(faces, models_dir=Path(folder), zoo=zoo, jobs=jobs, verbose=False)
        return time.perf_counter() - start


if __name__ == "__main__":
    measured = main(*map(int, sys.argv[1:]), rounds=1)
    print(measured, measured["images/s"].idxmax(), sep="\n")
