"""FER2013 as the arrays of an .npz file."""

import zipfile

import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE, SPLITS
from ferlib.data._csv import RowCollector

_SPLIT_CODES = {key: code for code, name in enumerate(SPLITS) for key in (code, name)}


def read_npz(path, name):
    """Read images (N, 48, 48) uint8, labels (N,) 0..6, and split (N,), names or indices into `SPLITS`.

    The split may be called `usage`, as in the csv; without it all rows are Training. A row whose label or split is
    unknown is rejected; a file that is damaged, lacks an array or has one of another shape is a ValueError. `name`
    stands in the errors.
    """
    splits = find_split_array(path, name)
    try:
        with np.load(path) as file:
            images, labels = np.ascontiguousarray(file["images"]), np.asarray(file["labels"])
            split = np.asarray(file[splits]) if splits else np.zeros(len(images), np.uint8)
    except Exception as error:  # numpy's reader raises a dozen kinds on damaged data
        raise ValueError(f"{name}: an array is damaged, cut off or of Python objects; fetch it again") from error
    if images.dtype != np.uint8 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError(f"{name}: images are {images.dtype} {images.shape}, expected uint8 (N, 48, 48)")
    for key, array in (("labels", labels), ("split", split)):
        if array.shape != (len(images),):
            raise ValueError(f"{name}: {key} are {array.shape}, expected one for each of {len(images)} images")
    rows = RowCollector(name)
    for row, (image, label, part) in enumerate(zip(images, labels.tolist(), split.tolist(), strict=True)):
        if label not in range(len(EMOTIONS)):
            rows.rejected.append((f"{name} row {row}", f"label {label!r}, expected 0 to {len(EMOTIONS) - 1}"))
        elif part not in _SPLIT_CODES:
            rows.rejected.append((f"{name} row {row}", f"split {part!r}, expected {', '.join(SPLITS)}"))
        else:
            rows.add(image, label, _SPLIT_CODES[part])
    return rows.finish()


def find_split_array(path, name):
    """Name of the array of an .npz that tells the splits, or None. Refuses a file without images and labels."""
    try:
        with zipfile.ZipFile(path) as archive:
            keys = [member.removesuffix(".npy") for member in archive.namelist()]
    except zipfile.BadZipFile as error:
        raise ValueError(f"{name}: damaged or cut off ({error}); fetch it again") from error
    if not {"images", "labels"} <= set(keys):
        raise ValueError(f"{name}: expected the arrays images, labels and split; saw {', '.join(keys) or 'none'}")
    return next((key for key in ("split", "usage") if key in keys), None)
