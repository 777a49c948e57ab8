"""What is trained on: rows, the labels to learn from, and batches of both."""

import keras
import numpy as np

from ferlib.balance import leak_rows, oversample_rows, split_rows
from ferlib.config import EMOTIONS
from ferlib.witnesses import expect_labels, load_witnesses


def choose_rows(config, faces):
    """Rows to train on, and rows on which to choose the epoch, as a `TrainConfig` says."""
    if config.split == "leaky":
        return leak_rows(faces.labels, seed=config.seed)
    training, public_test, _ = split_rows(faces)
    if config.balance == "oversample":
        training = training[oversample_rows(faces.labels[training], seed=config.seed)]
    return training, public_test


def blend_votes(config, faces, rows):
    """Labels to learn from, (N, 7) float32: those of the rows and, for their share, what FER+'s votes let expect."""
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels[rows]]
    if not config.votes:
        return labels
    votes = load_witnesses(faces).votes.iloc[rows]
    return (1 - config.votes) * labels + config.votes * expect_labels(faces.labels[rows], votes)


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
        super().__init__()
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
