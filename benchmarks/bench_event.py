"""How near the counts of an event come to the truth: 200 events, simulated from what a run says of PrivateTest's faces.

Each has 100 to 2,000 faces in photos of five, shares of the emotions from a flat Dirichlet distribution, and photos
whose faces resemble one another. The correction is fitted to PublicTest. By emotion, in points: how far the shares are
off, as counted and corrected; how often the 90 % interval holds the true share of the faces, of the counts (photos
resampled) and corrected. `python -m benchmarks.bench_event RUN...` measures other runs than the demo's.
"""

import sys

import numpy as np


def simulate(run, *, events, faces=(100, 2000), seed=0):
    """Events drawn from PrivateTest: (faces, files) as `load_scores` gives them, and the true shares (7,) of each.

    Yields
    ------
    tuple of pandas.DataFrame, pandas.DataFrame, (7,) float64
    """
    import pandas as pd

    from ferlib.config import EMOTIONS

    labels, probabilities = run.select("PrivateTest", labels=run.chosen_by)
    pool = [np.flatnonzero(labels == label) for label in range(len(EMOTIONS))]
    rng = np.random.default_rng(seed)
    for _ in range(events):
        photos = int(np.exp(rng.uniform(*np.log(faces)))) // 5
        mood = rng.dirichlet(np.ones(len(EMOTIONS)))
        of_photos = rng.dirichlet(4 * mood + 1e-3, size=photos)
        shown = np.concatenate([rng.choice(len(EMOTIONS), size=5, p=shares) for shares in of_photos])
        rows = [rng.choice(pool[label]) for label in shown]
        table = pd.DataFrame(probabilities[rows, : len(EMOTIONS)], columns=list(EMOTIONS))
        table = table.assign(file=[f"event/{row // 5}.jpg" for row in range(len(rows))], group="event", second=np.nan)
        table = table.assign(taken=pd.Timestamp("2026-05-01 20:00"), width=96, abstained=False, model=run.name)
        table["version"] = (run.metadata.network_sha256 or "")[:12]
        files = table.groupby("file", as_index=False).agg(faces=("file", "size")).assign(rejected="")
        yield table, files, np.bincount(shown, minlength=len(EMOTIONS)) / len(rows)


def measure(run, *, events=200, resamples=100, **options):
    """A row an emotion, and their mean, of one run."""
    import pandas as pd

    from ferlib.evaluation import event_report, fit_correction

    correction, tables = fit_correction(run, resamples=resamples), []
    for faces, files, truth in simulate(run, events=events, **options):
        shares, row = event_report(faces, files, correction=correction, level=0.9).shares, {}
        for name, bounds in (("raw", "photo"), ("corrected", "corrected")):
            row[f"{name}: points off"] = 100 * (shares[name] - truth).abs()
            low, high = shares[f"{bounds} low"] - 1e-9, shares[f"{bounds} high"] + 1e-9
            row[f"{name}: covered"] = ((low <= truth) & (truth <= high)).astype(float)
        tables.append(pd.DataFrame(row))
    table = sum(tables) / len(tables)
    return pd.concat([table, table.mean().to_frame("mean").T]).rename_axis(index="emotion")


def main(runs=()):
    """Simulate, count, correct."""
    import pandas as pd

    from ferlib.config import DEMO_RUN
    from ferlib.evaluation import load_run

    return pd.concat({run: measure(load_run(run)) for run in runs or [DEMO_RUN]}, names=["run"])


if __name__ == "__main__":
    print(main(sys.argv[1:]).round(3).to_string())
