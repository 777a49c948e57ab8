"""Load FER2013, in whatever form it is there, as `FaceDataset`; without it, the embedded set."""

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ferlib import config
from ferlib.config import EMOTIONS, SPLITS
from ferlib.data._cache import read_cached
from ferlib.data._csv import EXPECTED
from ferlib.data._folders import find_form, list_pictures, read_source, tell_contents
from ferlib.data._npz import read_npz


@dataclass(frozen=True, eq=False)
class FaceDataset:
    """A data set of faces; row i of every array is the same face.

    Attributes
    ----------
    images : (N, 48, 48) uint8
        Gray levels, read-only; may be a memory map.
    labels : (N,) int64
        Index into `EMOTIONS`.
    split : (N,) str
        "Training", "PublicTest" or "PrivateTest".
    rejected : DataFrame
        One row for everything that could not be read: where ("fer2013.csv line 812"), reason.
    source : str
        "embedded", or the name of the file or folder.
    """

    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    rejected: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["where", "reason"]))
    source: str = "arrays"

    def __len__(self):
        return len(self.labels)

    def select(self, rows):
        """The faces at `rows`: (M,) indices, in that order and with repetitions, or a (N,) bool mask."""
        return replace(self, images=self.images[rows], labels=self.labels[rows], split=self.split[rows])

    def part(self, split):
        """The faces of one split: "Training", "PublicTest" or "PrivateTest"."""
        if split not in SPLITS:
            raise ValueError(f"split {split!r}: expected one of {', '.join(SPLITS)}")
        return self.select(self.split == split)

    @cached_property
    def fingerprint(self):
        """SHA-256 (hex) of pixels, labels and split: equal for equal data, whatever form it came in."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images))
        digest.update(self.labels.astype("<i8").tobytes())
        digest.update("\n".join(self.split.tolist()).encode())
        return digest.hexdigest()


def load_faces(source=None):
    """Load FER2013 from any of its forms, or the embedded set of drawn faces.

    The first read leaves a cache in `config.CACHE_DIR`, so that the second is instant; a source of another size or date
    is read anew. Falling back to the embedded set prints one line: nobody must take drawn faces for FER2013.

    Parameters
    ----------
    source : path, "embedded" or None
        A csv (`fer2013.csv`, `icml_face_data.csv`, `train.csv`), an .npz with the arrays images, labels and split, a
        folder with `train/<class>/` and `test/<class>/`, a .zip or .tar.gz of one of them, or a folder that holds
        one. None takes the environment variable FERLIB_DATA, then `data/`, then the embedded set.

    Returns
    -------
    FaceDataset
        In the row order of the csv or .npz; pictures in the order of the number that ends their names. A row's split
        comes from the file, or from the picture's name (`PublicTest_12.jpg`), or from its folder. Where neither
        tells PublicTest from PrivateTest - names without prefix, no validation folder - every second picture
        of each class in `test/` goes to PublicTest, so that choosing and scoring stay apart; `faces.source`
        then ends in "(test folder halved)". A source without splits is Training as a whole.

    Raises
    ------
    FileNotFoundError
        If `source` or FERLIB_DATA names nothing that exists.
    ValueError
        If the source is empty, damaged or of another form, or if more than 1 % of its rows are rejected.
    """
    path = find_source(source)
    if path is None:
        if not config.EMBEDDED_FILE.is_file():
            raise FileNotFoundError(f"no {config.EMBEDDED_FILE}: it lies in the repository; name your FER2013 instead")
        if source is None and os.environ.get("FERLIB_DATA") != "embedded":
            print(f"No FER2013 in {config.DATA_DIR.name}/: using the embedded drawn faces (see data/README.md).")
        return _make_faces("embedded", read_npz(config.EMBEDDED_FILE, config.EMBEDDED_FILE.name))
    path = path.resolve()
    status = path.stat()
    state = list_pictures(path) if path.is_dir() else (status.st_size, status.st_mtime_ns)
    return _make_faces(path.name, read_cached(path, state, read_source))


def _make_faces(name, loaded):
    arrays = loaded.images, loaded.labels, np.array(SPLITS)[loaded.split]
    for array in arrays:
        array.flags.writeable = False  # whether it is a memory map or not
    rejected = pd.DataFrame(loaded.rejected, columns=["where", "reason"], dtype=str)
    return FaceDataset(*arrays, rejected, f"{name} ({loaded.note})" if loaded.note else name)


def find_source(source=None):
    """The file or folder that `load_faces` reads, or None for the embedded set.

    In a folder that holds several forms a csv wins over an .npz, an .npz over an archive, an archive over class
    folders; a file that cannot be used (FER+ votes, the unlabelled test.csv) is passed over.

    None looks at FERLIB_DATA (a relative path may start from the project's folder), then at `data/`.

    Raises
    ------
    FileNotFoundError
        If `source` or FERLIB_DATA names nothing that exists.
    ValueError
        If the folder holds no form of FER2013.
    """
    named = os.environ.get("FERLIB_DATA") or None if source is None else source
    if str(named) == "embedded":
        return None
    path = config.DATA_DIR if named is None else Path(named).expanduser()
    if source is None and not path.exists():
        path = config.PROJECT_DIR / path  # named where `make` was called; a notebook runs one folder below
    if not path.exists():
        if named is None:
            return None
        by = "" if source is not None else "FERLIB_DATA="
        raise FileNotFoundError(f"{by}{named}: no such file or folder (from {Path.cwd()}); expected {EXPECTED}")
    if path.is_file():
        return path
    found, complaints = find_form(path)
    if found is None and complaints:
        raise ValueError(complaints[0])
    if found is None and named is not None:
        raise ValueError(tell_contents(path, named))
    return found


def count_labels(labels):
    """Faces of each emotion: a Series of int64 indexed by the names in `EMOTIONS`, in their order."""
    return pd.Series(np.bincount(labels, minlength=len(EMOTIONS)), index=list(EMOTIONS), name="faces")
