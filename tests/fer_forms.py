"""Small random FER2013s in every form that users have; used by the tests of loading."""

import io
import tarfile
import zipfile

import cv2
import numpy as np

from ferlib.config import EMOTIONS, SPLITS

SCHEMES = {
    "short": EMOTIONS,
    "adjectives": ("Angry", "Disgusted", "Fearful", "Happy", "Sad", "Surprised", "Neutral"),
    "nouns": ("ANGER", "DISGUST", "FEAR", "HAPPINESS", "SADNESS", "SURPRISE", "NEUTRAL"),
}
"""Names of class folders, in label order."""


def make_arrays(n=40, seed=0):
    """Images, labels and split of n faces; splits and classes in no order, as a csv may have them."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 48, 48), dtype=np.uint8)
    images[0] = 7  # a row of one-digit numbers
    images[1, :, ::2] = 255
    images = np.stack([cv2.blur(image, (5, 5)) if row > 1 else image for row, image in enumerate(images)])
    return images, rng.integers(0, 7, n), rng.choice(SPLITS, n, p=[0.6, 0.2, 0.2])


def assert_same(faces, arrays):
    images, labels, split = arrays
    np.testing.assert_array_equal(faces.images, images)
    np.testing.assert_array_equal(faces.labels, labels)
    np.testing.assert_array_equal(faces.split, split)
    assert faces.images.dtype == np.uint8 and faces.labels.dtype == np.int64
    assert not len(faces.rejected)


def pixel_text(image):
    return " ".join(map(str, image.ravel().tolist()))


def csv_bytes(arrays, columns=("emotion", "pixels", "Usage"), quote="", end="\n", last_end=True):
    lines = [",".join(columns)]
    for image, label, split in zip(*arrays, strict=True):
        field = {"emotion": str(label), "pixels": quote + pixel_text(image) + quote, "usage": split}
        lines.append(",".join(field[column.strip().lower()] for column in columns))
    return (end.join(lines) + (end if last_end else "")).encode()


def pictures(arrays, *, suffix=".png", scheme="short", prefix=True, validation=False, size=48, colour=False):
    """{path: bytes} of the folder form; the number in a name is the row, as FER2013's copies have it."""
    files = {}
    for row, (image, label, split) in enumerate(zip(*arrays, strict=True)):
        folder = "train" if split == "Training" else "validation" if validation and split == "PublicTest" else "test"
        if size != 48:
            image = cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC)
        if colour:
            image = np.repeat(image[..., None], 3, axis=2)
        name = f"{split}_{row + 1}" if prefix else f"im{row + 1}"
        files[f"{folder}/{SCHEMES[scheme][label]}/{name}{suffix}"] = cv2.imencode(suffix, image)[1].tobytes()
    return files


def write_folder(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def write_npz(path, arrays):
    keys = ("images", "labels", "split")
    np.savez(path, **{key: array for key, array in zip(keys, arrays, strict=True) if array is not None})
    return path


def write_zip(path, files, inside=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(inside + name, data)
    return path


def write_tar(path, files, inside=""):
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(inside + name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path
