"""Read any form of FER2013 - csv, class folders, archives of either - into plain arrays."""

import os
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from functools import partial
from io import BufferedReader
from lzma import LZMAError
from pathlib import Path, PurePosixPath

import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE, SPLITS
from ferlib.tables import EXPECTED, Rows, read_csv, read_header

CLASSES = {name: label for label, name in enumerate(EMOTIONS)} | {
    "disgusted": 1,
    "fearful": 2,
    "surprised": 5,
    "anger": 0,
    "happiness": 3,
    "sadness": 4,
}
"""Label of every folder name in use; by name, since alphabetical order is not FER2013's order."""

_TRAINING, _PUBLIC, _PRIVATE = range(len(SPLITS))
_SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), _TRAINING),
    **dict.fromkeys(("validation", "valid", "val", "public", "publictest"), _PUBLIC),
    **dict.fromkeys(("test", "testing", "private", "privatetest"), _PRIVATE),
}
_PREFIXES = {name.lower(): usage for usage, name in enumerate(SPLITS)}
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_BUFFER = 1 << 20  # a row is longer than Python's own buffer
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


def read_source(path):
    """Read a csv, a folder of class folders, or an archive of either; members are never extracted to disk.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    Table
        Rows in the csv's order; pictures by the number at the end of their names, then by path.

    Raises
    ------
    ValueError
        If the source is empty, damaged, of no known form, or if more than 1 % of it is rejected.
    """
    if path.is_file() and _kind(path) == "csv":
        with open(path, "rb", _BUFFER) as stream:
            return read_csv(stream, path.name)
    try:
        return _read_members(path)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, LZMAError, OSError) as error:
        raise ValueError(
            f"{path.name}: damaged, cut off or unreadable ({error or type(error).__name__}); fetch it again"
        ) from error
    except (RuntimeError, NotImplementedError) as error:  # a password, or a rare compression
        raise ValueError(f"{path.name}: {error}; unpack it by hand and name the folder") from error


def find_form(folder):
    """The one file or folder below `folder` that holds FER2013, and what else was in the way.

    A csv wins over an archive, and an archive over class folders. Files without both emotions and
    pixels (FER+ votes, the competition's test.csv) are passed over. Looks three folders deep.

    Returns
    -------
    (pathlib.Path or None, list of str)
        The find, and a sentence for every file that looked like data and was not.
    """
    tables, archives, class_folders, complaints = [], [], [], []
    for here, folders, files in os.walk(folder):
        depth = len(Path(here).relative_to(folder).parts)
        found = [name for name in folders if name.lower() in CLASSES]
        class_folders += [Path(here, name).relative_to(folder).as_posix() for name in found]
        # class folders hold thousands of pictures and nothing else: do not list them
        folders[:] = sorted(f for f in folders if f not in found and not _is_hidden(f) and depth < 3)
        for name in sorted(f for f in files if not _is_hidden(f)):
            path = Path(here, name)
            if name.lower().endswith(".csv"):
                try:
                    with open(path, "rb") as stream:
                        tables.append(("usage" not in read_header(stream, name), depth, path))
                except ValueError as error:
                    complaints.append(str(error))
            elif name.lower().endswith(_ARCHIVES):
                archives.append(("fer" not in name.lower(), depth, path))
    if tables or archives:
        return min(tables or archives)[-1], complaints
    root = _find_root(class_folders)
    return (None if root is None else Path(folder, root)), complaints


def list_pictures(folder):
    """Every picture below a folder as (path relative to it with slashes, size, modification time in ns), sorted."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        inside = Path(here).relative_to(folder)
        for name in files:
            if name.lower().endswith(_PICTURES):
                status = os.stat(os.path.join(here, name))
                found.append((f"{inside.as_posix()}/{name}", status.st_size, status.st_mtime_ns))
    return sorted(found)


def _is_hidden(name):
    return name.startswith((".", "__MACOSX"))


def _kind(path):
    """What a file is by its first bytes, since suffixes lie: "zip", "tar" (perhaps compressed) or "csv"."""
    with open(path, "rb") as stream:
        head = stream.read(512)
    if not head:
        raise ValueError(f"{path.name}: 0 bytes, expected {EXPECTED}; fetch it again")
    if head.startswith(b"PK"):
        return "zip"
    return "tar" if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or head[257:262] == b"ustar" else "csv"


def _members(path):
    """Yield (name, function that opens it) of every file in a folder or an archive, in stored order."""
    if path.is_dir():
        for name, _, _ in list_pictures(path):
            yield name.removeprefix("./"), partial(open, path / name, "rb")
    elif _kind(path) == "zip":
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield entry.filename.replace("\\", "/"), partial(archive.open, entry)
    else:
        with tarfile.open(path) as archive:
            for entry in archive:
                if entry.isfile():
                    yield entry.name, partial(archive.extractfile, entry)
            while archive.fileobj.read(_BUFFER):  # the checksum of a .gz stands at its very end
                pass


def _read_members(path):
    # Two passes, because a tar can only be read forwards: first see what there is, then read it.
    tables, pictures, seen, complaints = [], [], [], []
    for name, open_member in _members(path):
        member = PurePosixPath(name)
        if any(map(_is_hidden, member.parts)):
            continue
        seen.append(name)
        if member.suffix.lower() == ".csv":
            try:
                with open_member() as stream:
                    tables.append(("usage" not in read_header(stream, name), len(member.parts), name))
            except ValueError as error:
                complaints.append(f"{path.name}/{error}")
        elif member.suffix.lower() in _PICTURES:
            pictures.append(member)
    if tables:
        wanted = min(tables)[-1]
        for name, open_member in _members(path):
            if name == wanted:
                with open_member() as stream:
                    return read_csv(BufferedReader(stream, _BUFFER), f"{path.name}/{name}")
    root = _find_root(picture.parent for picture in pictures)
    if root is None:
        shown = ", ".join(seen[:3]) + (f" and {len(seen) - 3} more" if len(seen) > 3 else "")
        raise ValueError(complaints[0] if complaints else f"{path.name}: expected {EXPECTED}; saw {shown or 'nothing'}")
    return _read_pictures(path, root)


# --- pictures ----------------------------------------------------------------------------------------


def _find_root(class_folders):
    """The folder that holds train/<class>/ or <class>/; of several copies the topmost, then the first."""
    roots = set()
    for folder in map(PurePosixPath, class_folders):
        if folder.name.lower() in CLASSES:
            roots.add(folder.parent.parent if _find_split(folder.parent.name) is not None else folder.parent)
    return min(roots, key=lambda root: (len(root.parts), root), default=None)


def _find_split(folder):
    return _SPLIT_FOLDERS.get(folder.lower().replace("_", "").replace("-", ""))


def _read_pictures(path, root):
    found, table, splits = [], Rows(path.name), set()
    for name, open_member in _members(path):
        member = PurePosixPath(name)
        if member.suffix.lower() not in _PICTURES or any(map(_is_hidden, member.parts)):
            continue
        if root not in member.parents or _find_root([member.parent]) not in (root, None):  # of another copy
            continue
        # a folder may be named directly: its own name then tells the split
        folders = (path.name.split(".")[0], *member.parent.parts)
        split = _find_split(folders[-2]) if len(folders) > 1 else _TRAINING
        try:
            if folders[-1].lower() not in CLASSES:
                raise ValueError(f"folder {folders[-1]!r}, expected one of {', '.join(EMOTIONS)}")
            with open_member() as stream:
                image = _decode(stream.read())
        except ValueError as error:
            table.reject(f"{path.name}/{name}", str(error))
            continue
        splits.add(split)
        number = re.search(r"(\d+)$", member.stem)
        order = (int(number[1]) if number else float("inf"), name)
        prefix = re.match("|".join(SPLITS), member.stem, re.IGNORECASE)
        usage = _PREFIXES[prefix[0].lower()] if prefix else None
        found.append((order, image, CLASSES[folders[-1].lower()], usage, split))
    halved = _PUBLIC not in splits and any(use is None and split == _PRIVATE for *_, use, split in found)
    turn = Counter()
    for _, image, label, usage, split in sorted(found, key=lambda row: row[0]):
        if usage is None:
            usage = _TRAINING if split is None else split
            if halved and split == _PRIVATE:
                turn[label] += 1
                usage = (_PUBLIC, _PRIVATE)[turn[label] % 2 - 1]
        table.add(image, label, usage)
    return table.finish("test folder halved" if halved else "")


def _decode(data):
    import cv2

    if not data:
        raise ValueError("0 bytes, expected a picture")
    # OpenCV fills the missing part of a cut JPEG with grey and reports nothing but a line on stderr
    if data.startswith(b"\xff\xd8") and b"\xff\xd9" not in data[-64:]:
        raise ValueError("the JPEG is cut off")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError("not a readable picture")
    if image.shape[0] != image.shape[1]:
        raise ValueError(f"{image.shape[1]}x{image.shape[0]} pixels, expected a square face")
    if image.shape[0] != IMAGE_SIZE:
        image = cv2.resize(image, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA)
    return image
