"""The run folder, the contract between training and everything after it: write one, read it back, compare several."""

import dataclasses
import hashlib
import json
import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE, MODELS_DIR, PROJECT_DIR
from ferlib.evaluate import apply_temperature, evaluate, fit_temperature


@dataclass(frozen=True)
class Run:
    """A trained model's folder, read back.

    Attributes
    ----------
    name : str
    bundle : dict
        `bundle.json`: how to use the network, how it was trained.
    history : pandas.DataFrame
        One row an epoch: epoch (from 1), accuracy, learning_rate, loss, seconds, val_accuracy, val_loss.
    probabilities : dict
        `probabilities["PublicTest"]` is (labels (N,) int64, probabilities (N, 7) float32); the same for "PrivateTest".
    """

    name: str
    bundle: dict
    history: object
    probabilities: dict

    def evaluate(self, usage="PrivateTest"):
        """`Scores` on one of the test splits."""
        return evaluate(*self.probabilities[usage])


def write_run(folder, name, config, faces, probabilities, *, made_by):
    """Complete a folder that holds `history.csv`, `model.keras` and `model.tflite`: probabilities, bundle, card.

    Parameters
    ----------
    folder : Path
    name : str
        Of the run.
    config : TrainConfig
    faces : Faces
        What was trained on and scored.
    probabilities : dict
        (N, 7) float by usage, "PublicTest" and "PrivateTest", as the network gives them. The temperature that is
        stored, and applied to the stored probabilities, is fitted to PublicTest.
    made_by : dict
        backend, machine, parameters, multiply_adds, file_bytes and milliseconds of the network, git_commit: as they
        stand in the bundle.
    """
    labels = {usage: faces.labels[faces.usage == usage] for usage in probabilities}
    temperature = fit_temperature(labels["PublicTest"], probabilities["PublicTest"])
    arrays = {}
    for usage, raw in probabilities.items():
        arrays[f"{usage}_labels"] = labels[usage].astype(np.uint8)
        arrays[f"{usage}_probabilities"] = apply_temperature(raw, temperature).astype(np.float16)
    np.savez_compressed(folder / "probabilities.npz", **arrays)

    history = read_history(folder / "history.csv")
    bundle = {
        "name": name,
        "emotions": list(EMOTIONS),
        "input": {"height": IMAGE_SIZE, "width": IMAGE_SIZE, "channels": 1, "low": 0, "high": 255},
        "temperature": temperature,
        "network": "model.tflite",
        "network_sha256": hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest(),
        "config": dataclasses.asdict(config),
        "epochs_done": len(history),
        "seconds": round(float(history["seconds"].sum())),
        "data": {
            "source": faces.source,
            "fingerprint": faces.fingerprint,
            "training_rows": int((faces.usage == "Training").sum()),
        },
        "versions": {"python": platform.python_version()}
        | {package: metadata.version(package) for package in ("keras", "numpy")},
        **made_by,
    }
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=1) + "\n")
    run = dataclasses.replace(load_run(folder.name, models_dir=folder.parent), name=name)
    (folder / "card.md").write_text(_card(run))


def read_history(path):
    """The table of a `history.csv`, epochs counted from 1."""
    import pandas as pd

    return pd.read_csv(path).assign(epoch=lambda table: table["epoch"] + 1)


def list_runs(models_dir=MODELS_DIR):
    """Names of the whole runs in a folder, sorted."""
    return sorted(path.parent.name for path in Path(models_dir).glob("*/bundle.json"))


def load_run(name, *, models_dir=MODELS_DIR):
    """Read a run folder back. Needs neither the data set nor TensorFlow.

    Parameters
    ----------
    name : str
        Folder in `models_dir`.

    Returns
    -------
    Run

    Raises
    ------
    FileNotFoundError
        If there is no such run; the message lists those there are.
    """
    folder = Path(models_dir) / name
    if not (folder / "bundle.json").is_file():
        there = ", ".join(list_runs(models_dir)) or "none"
        raise FileNotFoundError(
            f"no run '{name}' in {Path(models_dir).name}/ (there: {there}); `ferlib train` makes one"
        )
    with np.load(folder / "probabilities.npz") as arrays:
        probabilities = {
            usage: (
                arrays[f"{usage}_labels"].astype(np.int64),
                arrays[f"{usage}_probabilities"].astype(np.float32),
            )
            for usage in ("PublicTest", "PrivateTest")
        }
    return Run(
        name=name,
        bundle=json.loads((folder / "bundle.json").read_text()),
        history=read_history(folder / "history.csv"),
        probabilities=probabilities,
    )


def compare_runs(runs):
    """One row a run: parameters, epochs, and scores on both test splits with their intervals.

    Parameters
    ----------
    runs : list of Run

    Returns
    -------
    pandas.DataFrame
        Indexed by run, best PublicTest accuracy first, since that is the split to choose on.
    """
    import pandas as pd

    rows = {}
    for run in runs:
        public, private = run.evaluate("PublicTest"), run.evaluate("PrivateTest")
        rows[run.name] = {
            "parameters": run.bundle["parameters"],
            "epochs": run.bundle["epochs_done"],
            "PublicTest": public.accuracy,
            "PrivateTest": private.accuracy,
            "low": private.interval[0],
            "high": private.interval[1],
            "macro-F1": private.macro_f1,
            "calibration error": private.calibration_error,
            "n": private.n,
        }
    return pd.DataFrame.from_dict(rows, orient="index").sort_values("PublicTest", ascending=False)


def git_commit():
    """Hash of the project's commit, or None outside of git."""
    result = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT_DIR, capture_output=True, text=True)
    return result.stdout.strip() or None


def _card(run):
    config, data = run.bundle["config"], run.bundle["data"]
    settings = ", ".join(f"{key} {value}" for key, value in config.items() if key != "model")
    return f"""# {run.name}

The network `{config["model"]}` of `ferlib.models` ({run.bundle["parameters"]:,} parameters): 48x48 grey face in, seven
probabilities out.

- Trained on {data["training_rows"]:,} Training faces of {data["source"]}, {run.bundle["epochs_done"]} epochs.
- Made with Keras {run.bundle["versions"]["keras"]} on {run.bundle["backend"]}.
- Settings: {settings}.
- Epoch and temperature ({run.bundle["temperature"]:.2f}) were chosen on PublicTest; PrivateTest was scored once.
- PublicTest: {run.evaluate("PublicTest")}.
- PrivateTest: {run.evaluate("PrivateTest")}.

Intervals are 95 %. The test splits are scored as published, with the faces that also stand in Training (notebook 01).

Limits: it names the expression that a crowd would name, not what a person feels; posed and frontal faces are read
better than others; FER2013's labels are noisy, and its people are not a fair sample of anybody. Not for decisions about
people.
"""
