"""Training rows, soft targets, and batches of both, shared among devices."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from ferlib.config import EMOTIONS, MODELS_DIR, SPLITS
from ferlib.data import (
    class_weights,
    expected_labels,
    ferplus_labels,
    ferplus_shares,
    leak_rows,
    load_ferplus,
    oversample_rows,
    split_rows,
)

SCORING_BATCH = 256


def train_val_batches(config, faces, *, models_dir=MODELS_DIR):
    """`Batches` to train on, and those on which to choose the epoch, as a `TrainConfig` says."""
    faces, targets = label_faces(config, faces)
    rows, validation = train_val_rows(config, faces)
    training = Batches(
        faces.select(rows),
        targets=soft_targets(config, faces, rows, targets=targets[rows], models_dir=models_dir),
        batch_size=config.batch_size,
        seed=config.seed,
        class_weight=class_weights(faces.labels[rows]) if config.balance == "class_weights" else None,
    )
    return training, Batches(faces.select(validation), batch_size=SCORING_BATCH)


def label_faces(config, faces):
    """The faces to learn and choose on, with the labels that a `TrainConfig` names, and their targets (N, 7) float32.

    With FER+'s, faces are left out: of Training those that nobody saw one of the seven emotions in, of the test splits
    those that its benchmark leaves out or calls contempt.
    """
    if config.labels == "fer2013":
        return faces, np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels]
    votes = load_ferplus(faces).votes
    shares, labels = ferplus_shares(votes), ferplus_labels(votes)
    if not shares.any():
        raise ValueError("nobody voted on these faces: FER+ has votes for FER2013's only")
    known = np.where(faces.split == SPLITS[0], shares.any(1), (labels >= 0) & (labels < len(EMOTIONS)))
    return replace(faces.select(known), labels=shares[known].argmax(1)), shares[known]


def train_val_rows(config, faces):
    """Rows (N,) int64 of `faces` to train on, some repeated if oversampled, and (M,) int64 to choose the epoch on."""
    if config.split_protocol == "leaky":
        split_rows(faces)  # all three must be there to leak
        return leak_rows(faces.labels, seed=config.seed)
    training, public_test = split_rows(faces, SPLITS[:2])
    if config.balance == "oversample":
        training = training[oversample_rows(faces.labels[training], seed=config.seed)]
    return training, public_test


def soft_targets(config, faces, rows, *, targets, models_dir=MODELS_DIR):
    """Targets (N, 7) float32 of N rows, mixed with FER+'s expected labels, then with a teacher's probabilities.

    `ferplus_weight` and `distillation` of the `TrainConfig` are the shares; the teacher is a run of `models_dir`.
    """
    if share := config.ferplus_weight:
        expected = expected_labels(faces.labels[rows], load_ferplus(faces).votes.iloc[rows])
        targets = (1 - share) * targets + share * expected
    if share := config.distillation:
        probabilities = teacher_probabilities(config.teacher, faces.images[rows], models_dir=models_dir)
        targets = (1 - share) * targets + share * probabilities
    return targets


def teacher_probabilities(teacher, images, *, models_dir=MODELS_DIR):
    """Mean probabilities (N, 7) that one run, or several joined by "+", gives images and their mirror images."""
    networks = [keras.models.load_model(find_network(name, models_dir)) for name in teacher.split("+")]
    views = (images, images[:, :, ::-1])
    return np.mean([predict_probabilities(network, view) for network in networks for view in views], axis=0)


def find_network(name, models_dir):
    """Where the Keras network of a run is stored; not every run comes with it."""
    return Path(models_dir, name, "model.keras")


def predict_probabilities(network, images):
    """Probabilities (N, 7) float32 of (N, 48, 48) uint8 images."""
    pixels = images[share_evenly(np.arange(len(images))), ..., None].astype("float32")
    return network.predict(pixels, batch_size=SCORING_BATCH, verbose=0)[: len(images)]


class Batches(keras.utils.PyDataset):
    """Faces in memory, as uint8, in batches; shuffled anew each epoch if there is a seed.

    The order depends on seed and epoch alone, so that a resumed run sees what the uninterrupted one would have seen.
    If several devices could not share the last batch evenly, the first few faces come twice.

    Parameters
    ----------
    faces : FaceDataset
    targets : (N, 7) float, optional
        By default the one-hot labels of the faces.
    batch_size : int
    seed : int, optional
        Without it the faces come in their own order.
    class_weight : dict of int to float, optional
    """

    def __init__(self, faces, *, targets=None, batch_size, seed=None, class_weight=None):
        # Fed by one worker, TensorFlow tunes the reading; the tuner sleeps, twice as long each time up to a minute, and
        # unless it happens to wake it holds up the end of the epoch. Keras turns it off for several workers.
        super().__init__(workers=2)
        self.images = faces.images[..., None]
        self.targets = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels] if targets is None else targets
        weights = [(class_weight or {}).get(label, 1.0) for label in range(len(EMOTIONS))]
        self.weights = np.array(weights, dtype=np.float32)[faces.labels]
        self.batch_size, self.seed = batch_size, seed
        self.start_epoch(0)

    def start_epoch(self, epoch):
        """Shuffle for an epoch, counted from 0."""
        n = len(self.images)
        rows = np.arange(n) if self.seed is None else np.random.default_rng([self.seed, epoch]).permutation(n)
        self.rows = share_evenly(rows)

    def __len__(self):
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index):
        rows = self.rows[index * self.batch_size : (index + 1) * self.batch_size]
        images, targets = self.images[rows], self.targets[rows]
        return {"images": images, "labels": targets}, targets, self.weights[rows]


def use_devices(batch_size):
    """Have all devices share every batch, if they are several and can share it evenly: Keras can do that on JAX."""
    devices = len(keras.distribution.list_devices()) if keras.config.backend() == "jax" else 1
    if devices > 1:
        even = batch_size % devices == 0 and SCORING_BATCH % devices == 0
        distribution = keras.distribution.DataParallel(auto_shard_dataset=False) if even else None
        keras.distribution.set_distribution(distribution)


def share_evenly(rows):
    """Rows (N,), the first ones repeated at the end until their number is a multiple of the number of devices."""
    distribution = keras.distribution.distribution()
    devices = distribution.num_model_replicas if distribution else 1
    return np.resize(rows, -(-len(rows) // devices) * devices)
