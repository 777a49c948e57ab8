"""The csv form of FER2013; and what every reader returns."""

import csv
from collections import Counter
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE, SPLITS

EXPECTED = (
    "a csv with the columns emotion, pixels and Usage, an .npz with the arrays images, labels and split, "
    "or pictures in train/<class>/ and test/<class>/, plain or in a .zip, .tar or .tar.gz"
)

_PIXELS = IMAGE_SIZE * IMAGE_SIZE
_MOST_REJECTED = 0.01


class LoadedArrays(NamedTuple):
    """What one source holds: as in `FaceDataset`, but `split` (N,) uint8 indexes `SPLITS`."""

    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    rejected: list  # of (where, reason)
    note: str = ""  # what `FaceDataset.source` says beside the name


class RowCollector:
    """Collects good and rejected rows; a growing bytearray keeps the peak memory at one copy of the pixels."""

    def __init__(self, name):
        self.name, self.pixels, self.labels, self.split, self.rejected = name, bytearray(), [], [], []

    def add(self, image, label, split):
        self.pixels += image.data
        self.labels.append(label)
        self.split.append(split)

    def finish(self, note=""):
        total = len(self.labels) + len(self.rejected)
        if total == 0:
            raise ValueError(f"{self.name}: no rows, expected {EXPECTED}; fetch it again")
        if len(self.rejected) > _MOST_REJECTED * total:
            first = {reason: where for where, reason in reversed(self.rejected)}
            common = Counter(reason for _, reason in self.rejected).most_common(3)
            summary = "; ".join(f"{count} x {reason} (first: {first[reason]})" for reason, count in common)
            raise ValueError(
                f"{self.name}: {len(self.rejected)} of {total} rows cannot be read, more than "
                f"{_MOST_REJECTED:.0%}: {summary}. Fetch it again, or repair those rows"
            )
        images = np.frombuffer(self.pixels, np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
        labels, split = np.array(self.labels, np.int64), np.array(self.split, np.uint8)
        return LoadedArrays(images, labels, split, self.rejected, note)


def read_header(stream, name):
    """Names of the columns, in lower case; refuses everything that is not a table of labelled faces."""
    line = stream.readline(1 << 16)
    names = [part.strip(' "\r\n\t').lower() for part in line.decode("utf-8-sig", "replace").split(",")]
    if twice := [column for column in ("emotion", "pixels", "usage") if names.count(column) > 1]:
        raise ValueError(f"{name}: two columns are called {twice[0]}; remove one of them")
    if "emotion" in names and "pixels" in names:
        return names
    if not line:
        raise ValueError(f"{name}: 0 bytes, expected {EXPECTED}; fetch it again")
    if "pixels" in names:
        raise ValueError(f"{name}: pixels without emotions (the competition's unlabelled test); use fer2013.csv")
    if "image name" in names:
        raise ValueError(f"{name}: FER+ votes, which hold no pixels; the faces are in fer2013.csv")
    text = line[:40].isascii() and line[:40].decode().strip().isprintable()
    seen = f"a file that starts with {line[:40]!r}" if text else "a file that is no text"
    raise ValueError(f"{name}: expected {EXPECTED}; saw {seen}")


def read_fer_csv(stream, name):
    """Read a csv from a binary stream: LoadedArrays, in its row order; unknown columns are passed over."""
    columns, rows, number, line = read_header(stream, name), RowCollector(name), 1, b"\n"
    for number, line in enumerate(stream, start=2):
        fields = [field.strip(b' "\r\n\t') for field in line.split(b",")]
        if fields == [b""]:
            continue
        if len(fields) != len(columns) and b'"' in line:  # a comma inside a quoted text
            with suppress(csv.Error):
                fields = [field.strip().encode() for field in next(csv.reader([line.decode(errors="replace")]))]
        try:
            if len(fields) != len(columns):
                raise ValueError(f"{len(fields)} fields, expected {len(columns)} as in the first line")
            row = dict(zip(columns, fields, strict=True))
            rows.add(_read_pixels(row["pixels"]), *_read_label(row))
        except ValueError as error:
            rows.rejected.append((f"{name} line {number}", str(error)))
    if rows.rejected and not line.endswith(b"\n") and rows.rejected[-1][0] == f"{name} line {number}":
        where, reason = rows.rejected[-1]
        raise ValueError(f"{where}: {reason}, and the file ends there: it is cut off; fetch it again")
    return rows.finish()


def _read_label(row):
    emotion = row["emotion"].decode(errors="replace")
    if emotion not in tuple("0123456"):
        raise ValueError(f"emotion {emotion[:20]!r}, expected 0 to {len(EMOTIONS) - 1}")
    usage = row["usage"].decode(errors="replace") if "usage" in row else SPLITS[0]
    if usage not in SPLITS:
        raise ValueError(f"usage {usage[:20]!r}, expected {', '.join(SPLITS)}")
    return int(emotion), SPLITS.index(usage)


def _read_pixels(field):
    """The numbers of a row: (48, 48) uint8, or a ValueError with the reason."""
    with suppress(ValueError):  # to be told more exactly below
        pixels = np.fromstring(field, np.int64, sep=" ")
        if pixels.size == _PIXELS and pixels.min() >= 0 and pixels.max() <= 255:
            return pixels.astype(np.uint8).reshape(IMAGE_SIZE, IMAGE_SIZE)
    words = field.split()
    if len(words) != _PIXELS:
        raise ValueError(f"{len(words)} pixels, expected {_PIXELS} ({IMAGE_SIZE}x{IMAGE_SIZE})")
    for number, word in enumerate(words, start=1):
        if not (word.isdigit() and len(word) < 9 and int(word) <= 255):
            raise ValueError(f"pixel {number} is {word.decode(errors='replace')[:20]!r}, expected 0 to 255")
    return np.array([int(word) for word in words], np.uint8).reshape(IMAGE_SIZE, IMAGE_SIZE)
