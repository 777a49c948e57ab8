"""Load FER2013, in whatever form it is there, as `Faces`; without it, the embedded set."""

import hashlib
import os
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ferlib import config
from ferlib.cache import read_cached, whole_or_nothing
from ferlib.config import EMOTIONS, SPLITS
from ferlib.formats import find_form, list_pictures, read_source
from ferlib.tables import EXPECTED, Table

_EMBEDDED_SEED = 2013
_KAGGLE_HANDLE = "msambare/fer2013"


@dataclass(frozen=True, eq=False)
class Faces:
    """A data set of faces; row i of every array is the same face.

    Attributes
    ----------
    images : (N, 48, 48) uint8
        Gray levels, read-only; may be a memory map.
    labels : (N,) int64
        Index into `EMOTIONS`.
    usage : (N,) str
        "Training", "PublicTest" or "PrivateTest".
    rejected : DataFrame
        One row for everything that could not be read: where ("fer2013.csv line 812"), reason.
    source : str
        "embedded", or the name of the file or folder.
    """

    images: np.ndarray
    labels: np.ndarray
    usage: np.ndarray
    rejected: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["where", "reason"]))
    source: str = "arrays"

    def __len__(self):
        return len(self.labels)

    def select(self, rows):
        """The faces at `rows`: (M,) indices, in that order and with repetitions, or a (N,) bool mask."""
        return replace(self, images=self.images[rows], labels=self.labels[rows], usage=self.usage[rows])

    @cached_property
    def fingerprint(self):
        """SHA-256 (hex) of pixels, labels and usage: equal for equal data, whatever form it came in."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images))
        digest.update(self.labels.astype("<i8").tobytes())
        digest.update("\n".join(self.usage.tolist()).encode())
        return digest.hexdigest()


def load_faces(source=None):
    """Load FER2013 from any of its forms, or the embedded set of drawn faces.

    The first read leaves a cache in `config.CACHE_DIR`, so that the second is instant; a source of another
    size or date is read anew.

    Parameters
    ----------
    source : path, "embedded" or None
        A csv (`fer2013.csv`, `icml_face_data.csv`, `train.csv`), a folder with `train/<class>/` and
        `test/<class>/`, a .zip or .tar.gz of either, or a folder that holds one of these. None takes the
        environment variable FERLIB_DATA, then `data/`, then the embedded set.

    Returns
    -------
    Faces
        In the csv's row order; pictures in the order of the number that ends their names. A row's usage
        comes from the csv, or from its file name (`PublicTest_12.jpg`), or from its folder. Where neither
        tells PublicTest from PrivateTest - names without prefix, no validation folder - every second picture
        of each class in `test/` goes to PublicTest, so that choosing and scoring stay apart; `faces.source`
        then ends in "(test folder halved)". A source without splits is Training as a whole.

    Raises
    ------
    FileNotFoundError
        If `source` or FERLIB_DATA names nothing that exists.
    ValueError
        If the source is empty, damaged or of another form, or if more than 1 % of its rows are rejected.

    Notes
    -----
    Falling back to the embedded set prints one line: a reader must not take drawn faces for FER2013.
    """
    path = find_source(source)
    if path is not None:
        path = path.resolve()
        status = path.stat()
        stamp = list_pictures(path) if path.is_dir() else (status.st_size, status.st_mtime_ns)
        return _make_faces(path.name, read_cached(str(path), stamp, lambda: read_source(path)))

    from ferlib import anatomy, portrait, synthetic

    n = config.current_profile().drawn_faces
    if source is None and os.environ.get("FERLIB_DATA") != "embedded":
        print(f"No FER2013 in {config.DATA_DIR.name}/: using {n:,} drawn faces (see data/README.md).")
    code = [hashlib.sha256(Path(m.__file__).read_bytes()).hexdigest() for m in (anatomy, portrait, synthetic)]
    return _make_faces("embedded", read_cached(f"embedded {n}", (_EMBEDDED_SEED, code), lambda: _draw_table(n)))


def _make_faces(name, table):
    arrays = table.images, table.labels, np.array(SPLITS)[table.usage]
    for array in arrays:
        array.flags.writeable = False  # whether it is a memory map or not
    rejected = pd.DataFrame(table.rejected, columns=["where", "reason"], dtype=str)
    return Faces(*arrays, rejected, f"{name} ({table.note})" if table.note else name)


def _draw_table(n):
    from ferlib.synthetic import draw_faces

    drawn = draw_faces(n, seed=_EMBEDDED_SEED)
    usage = np.array([SPLITS.index(name) for name in drawn.usage], np.uint8)
    return Table(drawn.images, drawn.labels, usage, rejected=[])


def find_source(source=None):
    """The file or folder that `load_faces` reads, or None for the embedded set.

    In a folder that holds several forms a csv wins over an archive, an archive over class folders; a csv that
    cannot be used (FER+ votes, the unlabelled test.csv) is passed over.

    Parameters
    ----------
    source : path, "embedded" or None
        None looks at FERLIB_DATA (a relative path may start from the project's folder), then at `data/`.

    Raises
    ------
    FileNotFoundError
        If `source` or FERLIB_DATA names nothing that exists.
    ValueError
        If the folder holds no form of FER2013.
    """
    named = source if source is not None else os.environ.get("FERLIB_DATA") or None
    if named is not None and str(named) == "embedded":
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
        seen = sorted(item.name for item in path.iterdir())
        shown = ", ".join(seen[:5]) + (f" and {len(seen) - 5} more" if len(seen) > 5 else "")
        raise ValueError(f"{named}: expected {EXPECTED}; saw {shown or 'an empty folder'}")
    return found


def count_labels(labels):
    """Faces of each emotion: a Series of int64 indexed by the names in `EMOTIONS`, in their order."""
    return pd.Series(np.bincount(labels, minlength=len(EMOTIONS)), index=list(EMOTIONS), name="faces")


# --- download and conversion -------------------------------------------------------------------------


def download_faces(target=config.DATA_DIR):
    """Fetch FER2013 (about 60 MB) from Kaggle with kagglehub into `target`/fer2013; needs no account.

    Returns
    -------
    pathlib.Path
        The folder, which holds train/<class>/ and test/<class>/.

    Raises
    ------
    FileExistsError
        If the folder is already there.
    ConnectionError
        If Kaggle cannot be reached or refuses; then nothing is left behind.
    """
    folder = _check_free(Path(target, "fer2013"))
    import kagglehub

    with whole_or_nothing(folder) as unfinished:
        try:
            kagglehub.dataset_download(_KAGGLE_HANDLE, output_dir=str(unfinished))
        except Exception as error:  # kagglehub raises a dozen unrelated kinds, and each means: fetch it by hand
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            if re.search("Connect|Timeout", type(error).__name__):
                reason = "no connection"
            raise ConnectionError(
                f"Kaggle did not deliver {_KAGGLE_HANDLE} ({reason}). Download it by hand from "
                f"https://www.kaggle.com/datasets/{_KAGGLE_HANDLE} and put the zip into {target}"
            ) from error
    return folder


def convert_faces(source, target):
    """Write a source as a csv or as class folders of PNG; both keep every pixel and the order of the rows.

    Parameters
    ----------
    source : path, "embedded" or None
        As in `load_faces`; rejected rows are left out.
    target : path
        Ending in .csv, a file with the columns emotion, pixels, Usage; else a folder with
        train/<class>/Training_00001.png, test/<class>/PublicTest_28710.png and so on: usage and row number.

    Returns
    -------
    pathlib.Path
        `target`.

    Raises
    ------
    FileExistsError
        If `target` exists; nothing is overwritten.
    """
    target = _check_free(Path(target))
    faces = load_faces(source)
    with whole_or_nothing(target) as unfinished:
        (_write_csv if target.suffix.lower() == ".csv" else _write_pictures)(faces, unfinished)
    return target


def _check_free(target):
    if target.exists():
        raise FileExistsError(f"{target}: exists already; remove it, or name another target")
    return target


def _write_csv(faces, path):
    numbers = [str(value) for value in range(256)]
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write("emotion,pixels,Usage\n")
        for image, label, usage in zip(faces.images, faces.labels, faces.usage, strict=True):
            pixels = " ".join([numbers[value] for value in image.ravel().tolist()])
            file.write(f"{label},{pixels},{usage}\n")


def _write_pictures(faces, folder):
    import cv2

    for part in ("train", "test"):
        for emotion in EMOTIONS:
            (folder / part / emotion).mkdir(parents=True)
    rows = zip(faces.images, faces.labels, faces.usage, strict=True)
    for number, (image, label, usage) in enumerate(rows, start=1):
        part = "train" if usage == "Training" else "test"
        png = cv2.imencode(".png", image)[1]
        (folder / part / EMOTIONS[label] / f"{usage}_{number:05d}.png").write_bytes(png)
