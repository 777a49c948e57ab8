"""Other people's data: photos or faces in class folders, found, aligned and predicted."""

import os
from pathlib import Path

import cv2
import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE
from ferlib.data import CLASSES
from ferlib.inference._detect import crop_face, detect_faces
from ferlib.inference._photos import PHOTO_SUFFIXES, PhotoError, read_photo

_CODES = dict(zip("an di fe ha sa su ne".split(), range(len(EMOTIONS)), strict=True))  # JAFFE's
_LEFT_OUT = ("contempt", "co")


def predict_class_folders(folder, predictor):
    """Predict the pictures in folders that are named after emotions, at any depth: CK+, JAFFE, RAF-DB, AffectNet.

    In each picture the largest face is found and aligned; one without a face, as data of faces that are cut out already
    have it, is taken as it is.

    Parameters
    ----------
    folder : path
        Folders of other names, and of contempt, are left out.
    predictor : Predictor

    Returns
    -------
    labels : (N,) int64
        Index into `EMOTIONS`.
    probabilities : (N, 7) float32
    found : (N,) bool
        Whether a face was found; else the picture was taken as it is.
    rejected : list of str
        A sentence for each picture that could not be read.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds no picture in a class folder.
    """
    labels, crops, found, rejected = [], [], [], []
    for path, label in _list_pictures(Path(folder)):
        try:
            photo = read_photo(path)
        except (PhotoError, OSError) as error:
            rejected.append(str(error))
            continue
        faces = detect_faces(photo)
        largest = max(faces, key=lambda face: face.box[2], default=None)
        labels.append(label)
        crops.append(crop_face(photo, largest) if largest else _shrink(photo))
        found.append(largest is not None)
    if not labels:
        raise ValueError(f"{folder}: no picture could be read" + f": {rejected[0]}" * bool(rejected))
    return np.array(labels), predictor.predict_images(np.stack(crops)), np.array(found), rejected


def _list_pictures(folder):
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    classes, pictures, seen = CLASSES | _CODES, [], []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        parts = [part.lower() for part in Path(here).relative_to(folder).parts]
        label = next((classes[part] for part in reversed(parts) if part in classes), None)
        seen += folders
        if label is not None and not set(parts).intersection(_LEFT_OUT):
            photos = sorted(name for name in names if Path(name).suffix.lower() in PHOTO_SUFFIXES)
            pictures += [(Path(here, name), label) for name in photos if not name.startswith(".")]
    if not pictures:
        shown = ", ".join(seen[:8]) or "none"
        raise ValueError(f"{folder}: expected folders of pictures named {', '.join(EMOTIONS)}; its folders: {shown}")
    return pictures


def _shrink(photo):
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    smaller = max(photo.shape[:2]) > IMAGE_SIZE
    return cv2.resize(grey, (IMAGE_SIZE,) * 2, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
