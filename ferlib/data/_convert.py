"""FER2013 from Kaggle, and from one form into another."""

import re
from pathlib import Path

import numpy as np

from ferlib import config
from ferlib._atomic import whole_or_nothing
from ferlib.config import EMOTIONS
from ferlib.data._dataset import load_faces

_KAGGLE_HANDLE = "msambare/fer2013"


def download_faces(target=config.DATA_DIR):
    """Fetch FER2013 (about 60 MB) from Kaggle with kagglehub into `target`/fer2013; needs no account.

    Returns the folder's path. FileExistsError if it is already there; ConnectionError if Kaggle cannot be reached or
    refuses: then nothing is left behind.
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
    """Write a source as a csv, as an .npz or as class folders of PNG; all keep every pixel and the order of the rows.

    Parameters
    ----------
    source : path, "embedded" or None
        As in `load_faces`; rejected rows are left out.
    target : path
        Ending in .csv, a file with the columns emotion, pixels, Usage; in .npz, one with the arrays images, labels and
        split; else a folder with train/<class>/Training_00001.png, test/<class>/PublicTest_28710.png and so on: split
        and row number. FileExistsError if it exists: nothing is overwritten. OSError if it cannot be written, as on a
        full disk: nothing is left behind.

    Returns
    -------
    pathlib.Path
        `target`.
    """
    target = _check_free(Path(target))
    faces = load_faces(source)
    try:
        with whole_or_nothing(target) as unfinished:
            {".csv": _write_csv, ".npz": _write_npz}.get(target.suffix.lower(), _write_pictures)(faces, unfinished)
    except OSError as error:
        raise OSError(f"{target}: cannot be written ({error.strerror or error}); name another target") from error
    return target


def _check_free(target):
    if target.exists():
        raise FileExistsError(f"{target}: exists already; remove it, or name another target")
    return target


def _write_csv(faces, path):
    numbers = [str(value) for value in range(256)]
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write("emotion,pixels,Usage\n")
        for image, label, split in zip(faces.images, faces.labels, faces.split, strict=True):
            pixels = " ".join([numbers[value] for value in image.ravel().tolist()])
            file.write(f"{label},{pixels},{split}\n")


def _write_npz(faces, path):
    with open(path, "wb") as file:
        np.savez_compressed(file, images=faces.images, labels=faces.labels, split=faces.split)


def _write_pictures(faces, folder):
    from PIL import Image

    for part in ("train", "test"):
        for emotion in EMOTIONS:
            (folder / part / emotion).mkdir(parents=True)
    rows = zip(faces.images, faces.labels, faces.split, strict=True)
    for number, (image, label, split) in enumerate(rows, start=1):
        part = "train" if split == "Training" else "test"
        Image.fromarray(image).save(folder / part / EMOTIONS[label] / f"{split}_{number:05d}.png")
