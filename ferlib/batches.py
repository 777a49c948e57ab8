"""What is trained on: rows, the labels to learn from, and batches of both."""

from pathlib import Path

import keras
import numpy as np

from ferlib.balance import leak_rows, oversample_rows, split_rows
from ferlib.config import EMOTIONS, MODELS_DIR
from ferlib.trainer import SCORING_BATCH
from ferlib.witnesses import expect_labels, load_witnesses


def choose_rows(config, faces):
    """Rows to train on, and rows on which to choose the epoch, as a `TrainConfig` says."""
    if config.split == "leaky":
        return leak_rows(faces.labels, seed=config.seed)
    training, public_test, _ = split_rows(faces)
    if config.balance == "oversample":
        training = training[oversample_rows(faces.labels[training], seed=config.seed)]
    return training, public_test


def blend_labels(config, faces, rows, *, models_dir=MODELS_DIR, devices=1):
    """Labels to learn from, (N, 7) float32: those of the rows, with the shares of FER+'s votes and of a teacher.

    Votes count as what they let expect of the label; the teacher is a run of `models_dir`.
    """
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels[rows]]
    if config.votes:
        votes = load_witnesses(faces).votes.iloc[rows]
        labels = (1 - config.votes) * labels + config.votes * expect_labels(faces.labels[rows], votes)
    if config.distillation:
        taught = ask_teacher(config.teacher, faces.images[rows], models_dir=models_dir, devices=devices)
        labels = (1 - config.distillation) * labels + config.distillation * taught
    return labels


def ask_teacher(teacher, images, *, models_dir=MODELS_DIR, devices=1):
    """Probabilities (N, 7) that one run gives (N, 48, 48) uint8 images, or several, joined by "+", on average.

    Each image counts together with its mirror image.
    """
    networks = [load_network(name, models_dir=models_dir) for name in teacher.split("+")]
    views = (images, images[:, :, ::-1])
    answers = [predict_probabilities(network, view, devices=devices) for network in networks for view in views]
    return np.mean(answers, axis=0)


def load_network(name, *, models_dir=MODELS_DIR):
    """The Keras network of a run, to learn from or to train further."""
    return keras.models.load_model(find_network(name, models_dir=models_dir))


def find_network(name, *, models_dir=MODELS_DIR):
    """Where the Keras network of a run stands; not every run comes with it."""
    return Path(models_dir) / name / "model.keras"


def predict_probabilities(network, images, *, devices=1):
    """Probabilities (N, 7) of (N, 48, 48) uint8 images, on devices that share each batch evenly."""
    pixels = images[share_evenly(np.arange(len(images)), devices), ..., None].astype("float32")
    return network.predict(pixels, batch_size=SCORING_BATCH, verbose=0)[: len(images)]


class Batches(keras.utils.PyDataset):
    """Faces in memory, as uint8, in batches; shuffled anew each epoch if there is a seed.

    The order depends on seed and epoch alone, so that a resumed run sees what the uninterrupted one would have seen.

    Parameters
    ----------
    faces : Faces
    targets : (N, 7) float, optional
        Labels to learn from, as shares; by default those of the faces.
    batch_size : int
    seed : int, optional
        Without it the faces come in their own order.
    class_weight : dict of int to float, optional
    devices : int
        That share each batch: the first few faces come twice if the last batch could not be shared evenly.
    """

    def __init__(self, faces, *, targets=None, batch_size, seed=None, class_weight=None, devices=1):
        # Fed by one worker, TensorFlow tunes the reading; the tuner sleeps, twice as long each time up to a minute, and
        # unless it happens to wake it holds up the end of the epoch. Keras turns it off for several workers.
        super().__init__(workers=2)
        self.images = faces.images[..., None]
        self.labels = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels] if targets is None else targets
        weights = [(class_weight or {}).get(label, 1.0) for label in range(len(EMOTIONS))]
        self.weights = np.array(weights, dtype=np.float32)[faces.labels]
        self.batch_size, self.seed, self.devices = batch_size, seed, devices
        self.start_epoch(0)

    def start_epoch(self, epoch):
        """Shuffle for an epoch, counted from 0."""
        n = len(self.images)
        rows = np.arange(n) if self.seed is None else np.random.default_rng([self.seed, epoch]).permutation(n)
        self.rows = share_evenly(rows, self.devices)

    def __len__(self):
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index):
        rows = self.rows[index * self.batch_size : (index + 1) * self.batch_size]
        images, labels = self.images[rows], self.labels[rows]
        return {"images": images, "labels": labels}, labels, self.weights[rows]


def share_evenly(rows, devices):
    """Rows (N,), the first ones repeated at the end until their number is a multiple of the number of devices."""
    return np.resize(rows, -(-len(rows) // devices) * devices)
