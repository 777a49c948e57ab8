"""The run folder, the contract between training and everything after it: write one, read it back."""

import dataclasses
import hashlib
import json
import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE, MODELS_DIR, PROJECT_DIR, ZOO, TrainConfig
from ferlib.evaluate import apply_temperature, evaluate, fit_temperature, wilson_interval
from ferlib.testsets import TEST_SETS, find_rows, is_fer2013


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
    robustness : pandas.DataFrame or None
        As `measure_robustness` returns it, if it was measured.
    occlusion : tuple of two (7, 48, 48) float32, or None
        As `average_occlusion` returns it, on PublicTest, if it was measured.
    """

    name: str
    bundle: dict
    history: object
    probabilities: dict
    robustness: object = None
    occlusion: object = None

    @property
    def test_sets(self):
        """The test sets that it can be scored on: `TEST_SETS`, or only "published" if it is not FER2013's faces."""
        fer2013 = all(is_fer2013(labels, usage) for usage, (labels, _) in self.probabilities.items())
        return TEST_SETS if fer2013 else TEST_SETS[:1]

    @property
    def config(self):
        """Its `TrainConfig`; settings that came after the run have their defaults."""
        return TrainConfig(**self.bundle["config"])

    @property
    def leaky(self):
        """Was it trained on faces of the test splits? Then its scores are no scores."""
        return self.config.split == "leaky"

    def select(self, usage="PrivateTest", test_set="published"):
        """Labels (N,) and probabilities (N, 7) of a test set; `find_rows` tells which there are, and its errors."""
        labels, probabilities = self.probabilities[usage]
        rows = find_rows(labels, usage, test_set)
        return labels[rows], probabilities[rows]

    def uncalibrated(self, usage="PrivateTest"):
        """Labels (N,) and probabilities (N, 7) as the network gave them: the stored ones have the run's temperature."""
        labels, probabilities = self.probabilities[usage]
        return labels, apply_temperature(probabilities, 1 / self.bundle["temperature"])

    def select_faces(self, faces, usage="PrivateTest"):
        """The part of `faces` that a split's probabilities belong to, row by row; ValueError if these are others."""
        part = faces.select(faces.usage == usage)
        if not np.array_equal(part.labels, self.probabilities[usage][0]):
            raise ValueError(f"{faces.source}: its {usage} faces are not those that run {self.name} was scored on")
        return part

    def evaluate(self, usage="PrivateTest", test_set="published"):
        """`Scores` on a test set of one of the test splits."""
        return evaluate(*self.select(usage, test_set))


def write_run(folder, name, config, faces, probabilities, *, mirrored, made_by):
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
    mirrored : dict
        The same for the faces mirrored. The accuracy of both together is stored.
    made_by : dict
        backend, machine, parameters, multiply_adds, file_bytes and milliseconds of the network, git_commit: as they
        stand in the bundle.
    """
    labels = {usage: faces.labels[faces.usage == usage] for usage in probabilities}
    temperature = fit_temperature(labels["PublicTest"], probabilities["PublicTest"])
    arrays = {}
    for usage, raw in probabilities.items():
        arrays[f"{usage}_labels"] = labels[usage].astype(np.uint8)
        arrays[f"{usage}_probabilities"] = apply_temperature(raw, temperature).astype(np.float32)
    np.savez_compressed(folder / "probabilities.npz", **arrays)

    both = {usage: probabilities[usage] + mirrored[usage] for usage in probabilities}
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
        "accuracy_with_mirror_image": {usage: float((both[usage].argmax(1) == labels[usage]).mean()) for usage in both},
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
    (folder / "card.md").write_text(format_card(run))


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
    import pandas as pd

    folder = Path(models_dir) / name
    if not (folder / "bundle.json").is_file():
        there = ", ".join(list_runs(models_dir)) or "none"
        raise FileNotFoundError(
            f"no run '{name}' in {Path(models_dir).name}/ (there: {there}); `ferlib train` makes one"
        )
    return Run(
        name=name,
        bundle=json.loads((folder / "bundle.json").read_text()),
        history=read_history(folder / "history.csv"),
        probabilities=_load_probabilities(folder),
        robustness=pd.read_csv(folder / "robustness.csv") if (folder / "robustness.csv").is_file() else None,
        occlusion=_load_occlusion(folder / "occlusion.npz"),
    )


def list_networks(models_dir=MODELS_DIR):
    """What it costs and is worth to use each run that came with its network; needs no pandas.

    Returns
    -------
    list of dict
        Most accurate first: name, parameters, file_bytes, milliseconds (a face, on the machine that trained it),
        accuracy on PrivateTest, low and high of its 95 % interval, n.
    """
    networks = []
    for name in list_runs(models_dir):
        folder = Path(models_dir) / name
        bundle = json.loads((folder / "bundle.json").read_text())
        if not (folder / bundle["network"]).is_file():
            continue
        labels, probabilities = _load_probabilities(folder)["PrivateTest"]
        right, n = int((probabilities.argmax(1) == labels).sum()), len(labels)
        low, high = wilson_interval(right, n)
        costs = {key: bundle[key] for key in ("parameters", "file_bytes", "milliseconds")}
        networks.append({"name": name, **costs, "accuracy": right / n, "low": low, "high": high, "n": n})
    return sorted(networks, key=lambda network: -network["accuracy"])


def git_commit():
    """Hash of the project's commit, or None outside of git."""
    result = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT_DIR, capture_output=True, text=True)
    return result.stdout.strip() or None


def format_card(run):
    """Text (Markdown) of a run's `card.md`: what it is, how it was trained, its scores with intervals, its limits."""
    config, data = run.bundle["config"], run.bundle["data"]
    settings = ", ".join(f"{key} {value}" for key, value in config.items() if key != "model")
    rows = [(usage, test_set) for usage in run.probabilities for test_set in run.test_sets]
    scores = "\n".join(_card_row(usage, test_set, run.evaluate(usage, test_set)) for usage, test_set in rows)
    protocol = "Epoch and temperature ({:.2f}) were chosen on PublicTest; PrivateTest was scored once."
    if run.leaky:
        protocol = "Faces of PublicTest and PrivateTest were among those trained on: these scores measure memory."
    start = "" if run.config.start == "none" else f" from the weights of `{run.config.start}`"
    sources = ", ".join(f"`{name}`" for name in run.config.sources)
    before = f"; where `models/` lacks their networks, it first trains {sources}" if sources else ""
    mirror = ""
    if together := run.bundle.get("accuracy_with_mirror_image"):
        reached = ", ".join(f"{accuracy:.1%} on {usage}" for usage, accuracy in together.items())
        mirror = f"\nAveraged with its reading of the mirrored face: {reached}.\n"
    return f"""# {run.name}

The network `{config["model"]}` of `ferlib.models` ({run.bundle["parameters"]:,} parameters): 48x48 grey face in, seven
probabilities out.

- Trained on {data["training_rows"]:,} Training faces of {data["source"]}, {run.bundle["epochs_done"]} epochs{start}.
- Made with Keras {run.bundle["versions"]["keras"]} on {run.bundle["backend"]}.
- Settings: {settings}.
- To repeat it: `{_train_command(run)}`{before}.
- {protocol.format(run.bundle["temperature"])}

| split | test set | accuracy | macro-F1 | calibration error | n |
|---|---|---|---|---|---|
{scores}
{mirror}
Intervals are 95 %. "Without twins" leaves out faces that Training holds to the byte, "faces only" what most of FER+'s
voters call no face.

Limits: it names the expression that a crowd would name, not what a person feels; posed and frontal faces are read
better than others; FER2013's labels are noisy, and its people are not a fair sample of anybody. Not for decisions about
people.
"""


def _train_command(run):
    """The command line for a run's settings: the nearest of the zoo, and what differs from it."""
    settings = dataclasses.asdict(run.config)
    changes = {
        name: {key: value for key, value in settings.items() if value != getattr(plan, key)}
        for name, plan in ZOO.items()
        if plan.model == run.config.model
    }
    name = min(changes, key=lambda name: len(changes[name]))
    options = changes[name] | ({"run_name": run.name} if run.name != name else {})
    return " ".join(["ferlib train", name, *(f"--{key.replace('_', '-')} {value}" for key, value in options.items())])


def _load_probabilities(folder):
    with np.load(folder / "probabilities.npz") as arrays:
        return {
            usage: (arrays[f"{usage}_labels"].astype(np.int64), arrays[f"{usage}_probabilities"].astype(np.float32))
            for usage in ("PublicTest", "PrivateTest")
        }


def _load_occlusion(path):
    if not path.is_file():
        return None
    with np.load(path) as arrays:
        return arrays["maps"].astype(np.float32), arrays["faces"].astype(np.float32)


def _card_row(usage, test_set, scores):
    low, high = scores.interval
    return (
        f"| {usage} | {test_set.replace('_', ' ')} | {scores.accuracy:.1%} [{low:.1%}, {high:.1%}] "
        f"| {scores.macro_f1:.3f} | {scores.calibration_error:.3f} | {scores.n:,} |"
    )
