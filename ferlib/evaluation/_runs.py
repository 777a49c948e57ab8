"""The run folder, the contract between training and everything after it: write one, load it."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ferlib._atomic import whole_or_nothing
from ferlib.config import EMOTIONS, MODELS_DIR, SPLITS
from ferlib.evaluation._explain import average_occlusion
from ferlib.evaluation._metadata import INPUT, Metadata, list_runs, read_metadata, write_metadata
from ferlib.evaluation._robustness import measure_robustness
from ferlib.evaluation._scores import (
    adjust_logits,
    apply_temperature,
    evaluate,
    fit_logit_adjustment,
    fit_temperature,
    wilson_interval,
)


@dataclass(frozen=True)
class Run:
    """A trained network's folder, loaded.

    Attributes
    ----------
    name : str
    metadata : Metadata
        How to use the network, how it was trained.
    history : pandas.DataFrame
        One row an epoch: epoch (from 1), learning_rate, seconds; loss, accuracy, and, in newer runs, Keras'
        precision and recall (of emotions given more than half the probability) and macro_f1, all of the training
        images as augmented, and, with the prefix val_, of PublicTest.
    probabilities : dict
        `probabilities["PublicTest"]` is (labels (N,) int64, probabilities (N, 7) float32); the same for "PrivateTest",
        if the run was scored on it.
    robustness : pandas.DataFrame or None
        As `measure_robustness` returns it, if it was measured.
    occlusion : tuple of two (7, 48, 48) float32, or None
        As `average_occlusion` returns it, if it was measured.
    in_pictures : pandas.DataFrame or None
        Accuracy on faces laid into pictures, found and cut out again, as `python -m benchmarks.bench_align` writes it.
    """

    name: str
    metadata: Metadata
    history: object
    probabilities: dict
    robustness: object = None
    occlusion: object = None
    in_pictures: object = None

    @property
    def config(self):
        """Its `TrainConfig`."""
        return self.metadata.config

    @property
    def leaky(self):
        """Was it trained on faces of the test splits? Then its scores are no scores."""
        return self.config.split_protocol == "leaky"

    @property
    def chosen_by(self):
        """The labels to choose it by: those that it learned, or FER2013's where its faces have no others."""
        return self.config.labels if len(self.test_sets) > 1 else "fer2013"

    @property
    def test_sets(self):
        """The test sets that it can be scored on: `TEST_SETS`, or only "published" if it is not FER2013's faces."""
        from ferlib.data import TEST_SETS, is_fer2013

        fer2013 = all(is_fer2013(labels, split) for split, (labels, _) in self.probabilities.items())
        return TEST_SETS if fer2013 else TEST_SETS[:1]

    def select(self, split="PrivateTest", test_set="published", *, labels="fer2013"):
        """Labels (N,) and probabilities (N, 7) of a test set; `find_rows` and `relabel` tell which there are.

        With FER+'s labels probabilities are (N, 8): of contempt, which no network predicts, they are 0.
        """
        from ferlib.data import find_rows, relabel

        if split not in self.probabilities:
            raise ValueError(
                f"run {self.name} was not scored on {split}: `ferlib export {self.name}`, with these faces"
            )
        given, probabilities = self.probabilities[split]
        rows, given = find_rows(given, split, test_set), relabel(given, split, labels)
        rows = rows[given[rows] >= 0]
        contempt = np.zeros((len(given), int(labels == "ferplus")), np.float32)
        return given[rows], np.hstack([probabilities, contempt])[rows]

    def uncalibrated(self, split="PrivateTest"):
        """Labels (N,) and probabilities (N, 7) as the network gave them: the stored ones have the run's temperature."""
        labels, probabilities = self.probabilities[split]
        return labels, apply_temperature(probabilities, 1 / self.metadata.temperature)

    def adjust(self, probabilities, strength=None):
        """Probabilities (N, 7) as the demo shows them: logits adjusted, at the run's own strength or another."""
        strength = self.metadata.logit_adjustment if strength is None else strength
        return adjust_logits(probabilities, self.metadata.prior, strength) if strength else probabilities

    def select_faces(self, faces, split="PrivateTest"):
        """The part of `faces` that a split's probabilities belong to, row by row; ValueError if these are others."""
        part = faces.part(split)
        if not np.array_equal(part.labels, self.probabilities[split][0]):
            raise ValueError(f"{faces.source}: its {split} faces are not those that run {self.name} was scored on")
        return part

    def accuracy(self, split="PrivateTest", test_set="published", *, labels="fer2013"):
        """That of `evaluate`, without all other scores and their bootstrap."""
        labels, probabilities = self.select(split, test_set, labels=labels)
        return float((probabilities.argmax(1) == labels).mean())

    def evaluate(self, split="PrivateTest", test_set="published", *, labels="fer2013"):
        """`Scores` on a test set of one of the test splits, against one of `ferlib.data.LABELS`."""
        names = EMOTIONS + ("contempt",) * (labels == "ferplus")
        return evaluate(*self.select(split, test_set, labels=labels), names=names)


def load_run(name, *, models_dir=MODELS_DIR):
    """The `Run` in the folder `name` of `models_dir`, without TensorFlow or data set; errors as `read_metadata`."""
    import pandas as pd

    folder = Path(models_dir) / name
    metadata, occlusion = read_metadata(folder), folder / "occlusion.npz"
    tables = {name: folder / f"{name}.csv" for name in ("robustness", "in_pictures")}
    return Run(
        name=name,
        metadata=metadata,
        history=read_history(folder / "history.csv"),
        probabilities=_load_probabilities(folder),
        **{name: pd.read_csv(path) if path.is_file() else None for name, path in tables.items()},
        occlusion=_load_occlusion(occlusion) if occlusion.is_file() else None,
    )


def write_run(folder, name, config, faces, probabilities, *, mirrored, made_by):
    """Complete a folder that holds `history.csv` and perhaps `model.tflite`: probabilities, metadata, card.

    Parameters
    ----------
    folder, name, config
        Path, str and `TrainConfig` of the run.
    faces : FaceDataset
        What was trained on and scored.
    probabilities, mirrored : dict
        (N, 7) float by split, "PublicTest" and perhaps "PrivateTest", as the network gives them for the faces, and for
        the faces mirrored. The temperature that is stored, and applied to what is stored, is fitted to PublicTest,
        as is the strength of the logit adjustment, which is not applied: both with the labels of `config`.
    made_by : dict
        The fields of `Metadata` from `data` on: how the network was made, and what it costs.
    """
    from ferlib.data import load_ferplus, majority_labels
    from ferlib.evaluation._tables import format_card

    parts = {split: faces.part(split) for split in probabilities}
    labels = {split: _own_labels(config, part) for split, part in parts.items()}
    known = {split: labels[split] >= 0 for split in labels}
    chosen = known["PublicTest"] & (labels["PublicTest"] < len(EMOTIONS))
    temperature = fit_temperature(labels["PublicTest"][chosen], probabilities["PublicTest"][chosen])
    calibrated = {split: apply_temperature(raw, temperature) for split, raw in probabilities.items()}
    arrays = {f"{split}_labels": part.labels.astype(np.uint8) for split, part in parts.items()}
    arrays |= {f"{split}_probabilities": values for split, values in calibrated.items()}
    np.savez_compressed(folder / "probabilities.npz", **arrays)
    if config.labels == "ferplus":
        clear = majority_labels(load_ferplus(parts["PublicTest"]).votes)
        sure = calibrated["PublicTest"][clear >= 0]
        made_by |= {"logit_adjustment": fit_logit_adjustment(clear[clear >= 0], sure, made_by["prior"])}

    predicted = {split: (probabilities[split] + mirrored[split]).argmax(1) for split in probabilities}
    correct = {split: predicted[split] == labels[split] for split in labels}
    history, network = read_history(folder / "history.csv"), folder / "model.tflite"
    exported = {}
    if network.is_file():
        exported = {"network": network.name, "network_sha256": hashlib.sha256(network.read_bytes()).hexdigest()}
    metadata = Metadata(
        name=name,
        input=INPUT,
        temperature=temperature,
        **exported,
        config=config,
        epochs_done=len(history),
        seconds=round(float(history["seconds"].sum())),
        accuracy_with_mirror_image={split: float(correct[split][known[split]].mean()) for split in correct},
        **made_by,
    )
    write_metadata(folder, metadata)
    run = replace(load_run(folder.name, models_dir=folder.parent), name=name)
    (folder / "card.md").write_text(format_card(run), encoding="utf-8")


def _own_labels(config, part):
    """The labels (N,) int64 of a test split that a run with such settings is chosen on; -1 for faces without one."""
    from ferlib.data import ferplus_labels, load_ferplus

    return part.labels if config.labels == "fer2013" else ferplus_labels(load_ferplus(part).votes)


def _select_labelled(run, faces):
    """PublicTest, with the run's own labels, as far as they are one of the seven emotions."""
    part = run.select_faces(faces, "PublicTest")
    labels = _own_labels(run.config, part)
    known = (labels >= 0) & (labels < len(EMOTIONS))
    return replace(part, labels=labels).select(known)


def write_robustness(run, predict_images, faces, *, models_dir=MODELS_DIR):
    """Measure accuracy on corrupted PublicTest faces, the same 1,000 every time, into `robustness.csv` of a run.

    `predict_images` is that of the run's network, `faces` the `FaceDataset` that the run was scored on (ValueError if
    it was not). Returns the path of the file.
    """
    public_test = _select_labelled(run, faces)
    chosen = public_test.select(np.sort(np.random.default_rng(0).permutation(len(public_test))[:1000]))
    table = measure_robustness(predict_images, chosen.images, chosen.labels)
    path = models_dir / run.name / "robustness.csv"
    with whole_or_nothing(path) as unfinished:
        table.to_csv(unfinished, index=False, float_format="%.6f", lineterminator="\n")
    return path


def write_occlusion(run, predict_images, faces, *, models_dir=MODELS_DIR):
    """Measure mean occlusion maps on PublicTest into `occlusion.npz` of a run; otherwise as `write_robustness`."""
    chosen = _select_labelled(run, faces)
    maps, means = average_occlusion(predict_images, chosen.images, chosen.labels, patch=8, step=4)
    path = models_dir / run.name / "occlusion.npz"
    with whole_or_nothing(path) as unfinished:
        np.savez_compressed(unfinished, maps=maps.astype(np.float16), faces=means.astype(np.float16))
    return path


def list_networks(models_dir=MODELS_DIR):
    """What it costs and is worth to use each run that came with its network and was scored.

    Returns
    -------
    list of dict
        Most accurate first: name, parameters, file_bytes, milliseconds (a face, on the machine that exported it),
        labels that it learned, and by these: accuracy on PrivateTest, low and high of its 95 % interval, n; its
        logit_adjustment.
    """
    from ferlib.data import relabel

    networks = []
    for folder in (Path(models_dir) / name for name in list_runs(models_dir)):
        metadata = read_metadata(folder)
        usable = metadata.network and (folder / metadata.network).is_file()
        if usable and (scored := _load_probabilities(folder).get("PrivateTest")):
            labels, probabilities = scored
            labels = relabel(labels, "PrivateTest", metadata.config.labels)
            correct, n = int((probabilities.argmax(1) == labels).sum()), int((labels >= 0).sum())
            low, high = wilson_interval(correct, n)
            told = ("parameters", "file_bytes", "milliseconds", "logit_adjustment")
            network = {"name": folder.name, "labels": metadata.config.labels, "accuracy": correct / n}
            network |= {key: getattr(metadata, key) for key in told} | {"low": low, "high": high, "n": n}
            networks.append(network)
    return sorted(networks, key=lambda network: -network["accuracy"])


def read_history(path):
    """The table of a `history.csv`, epochs counted from 1."""
    import pandas as pd

    return pd.read_csv(path).assign(epoch=lambda table: table["epoch"] + 1)


def _load_probabilities(folder):
    with np.load(folder / "probabilities.npz") as arrays:
        return {
            split: (arrays[f"{split}_labels"].astype(np.int64), arrays[f"{split}_probabilities"].astype(np.float32))
            for split in SPLITS
            if f"{split}_labels" in arrays
        }


def _load_occlusion(path):
    with np.load(path) as arrays:
        return arrays["maps"].astype(np.float32), arrays["faces"].astype(np.float32)
