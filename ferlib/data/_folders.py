"""FER2013 as class folders of pictures, as an archive of any form, or somewhere in a folder."""

import errno
import os
import re
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from io import BufferedReader
from lzma import LZMAError
from pathlib import Path, PurePosixPath

import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE, SPLITS
from ferlib.data._csv import EXPECTED, RowCollector, read_fer_csv, read_header
from ferlib.data._npz import find_split_array, read_npz

_CLASS_NAMES = "angry anger, disgust disgusted, fear fearful, happy happiness, sad sadness, surprise surprised, neutral"
CLASSES = {name: label for label, names in enumerate(_CLASS_NAMES.split(",")) for name in names.split()}
"""Label of every folder name in use; by name, since alphabetical order is not FER2013's order."""

_TRAINING, _PUBLIC, _PRIVATE = range(len(SPLITS))
_SPLIT_NAMES = "train training, validation valid val public publictest, test testing private privatetest"
_SPLIT_FOLDERS = {name: split for split, names in enumerate(_SPLIT_NAMES.split(",")) for name in names.split()}
_PREFIXES = {name.lower(): split for split, name in enumerate(SPLITS)}
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_PICTURE_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
_LARGEST_SIDE = 2048  # of a picture of one face: ten times FER2013's enlarged copies
_ARCHIVE = 2  # place of the form: after csv and .npz
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
_SHIPPED = ("embedded.npz", "embedded_truth.csv", "ferplus.npz")  # lie in data/ and are not the user's FER2013
_BUFFER = 1 << 20  # a row is longer than Python's own buffer


def read_source(path, name=None):
    """Read a csv, an .npz, a folder of class folders, or an archive of one of them: LoadedArrays.

    Rows come in the order of the file; pictures by the number at the end of their names, then by path. A source that is
    empty, damaged or of no known form is a ValueError, in which `name` stands for the path's own.
    """
    name = name or path.name
    if path.is_dir():
        return _read_pictures(path, name)
    kind = _find_kind(path)
    if kind == "csv":
        with open(path, "rb", _BUFFER) as stream:
            return read_fer_csv(stream, name)
    if kind == "zip" and path.suffix.lower() == ".npz":
        return read_npz(path, name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, path.name)
        with _told_as_damage(path):
            if kind == "zip" and (loaded := _stream_csv(path, name)):
                return loaded
            _unpack(path, folder, kind)
        form, complaints = find_form(folder, unpacked=True)
        if form is None:
            raise ValueError(f"{name}/{complaints[0]}" if complaints else tell_contents(folder, name))
        return read_source(form, f"{name}/{form.relative_to(folder).as_posix()}".removesuffix("/."))


def find_form(folder, *, unpacked=False):
    """The one file or folder at most three folders below `folder` that holds FER2013, or None; and complaints.

    A csv wins over an .npz, an .npz over an archive, and an archive over class folders. Files without labelled faces
    (FER+ votes, the competition's test.csv) are passed over, and complained of in a sentence each. In what an archive
    was `unpacked` to, archives are passed over, and no folder is too deep.
    """
    files, class_folders, complaints = [], [], []
    for here, folders, names in os.walk(folder):
        level = len(Path(here).relative_to(folder).parts)
        classes = [name for name in folders if name.lower() in CLASSES]
        class_folders += [Path(here, name).relative_to(folder).as_posix() for name in classes]
        # class folders hold thousands of pictures and nothing else: do not list them
        folders[:] = sorted(f for f in folders if f not in classes and not _is_hidden(f) and (level < 3 or unpacked))
        for path in (Path(here, name) for name in sorted(names) if not _is_hidden(name) and name not in _SHIPPED):
            try:
                rank = _rank_file(path)
                if rank and not (unpacked and rank[0] == _ARCHIVE):
                    files.append((*rank, level, path))
            except ValueError as error:
                complaints.append(str(error))
    if files:
        return min(files)[-1], complaints
    root = _find_root(class_folders)
    return (None if root is None else Path(folder, root)), complaints


def tell_contents(folder, name):
    """The sentence for a folder or an archive that holds no form of FER2013."""
    seen = sorted(item.name for item in folder.iterdir())
    shown = ", ".join(seen[:5]) + (f" and {len(seen) - 5} more" if len(seen) > 5 else "")
    return f"{name}: expected {EXPECTED}; saw {shown or 'nothing'}"


def list_pictures(folder):
    """Every picture below a folder as (path relative to it with slashes, size, modification time in ns), sorted."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        inside = Path(here).relative_to(folder).as_posix()
        for name in files:
            if name.lower().endswith(_PICTURES) and not _is_hidden(name):
                path = os.path.join(here, name)
                status = os.stat(path) if os.path.exists(path) else os.lstat(path)  # a link to nowhere
                found.append((f"{inside}/{name}".removeprefix("./"), status.st_size, status.st_mtime_ns))
    return sorted(found)


def _is_hidden(name):
    return name.startswith((".", "__MACOSX"))


def _rank_file(path):
    """(place of its form, whether it is the lesser one of that form) of a file that may hold FER2013, else None."""
    name = path.name.lower()
    if name.endswith(".csv"):
        with open(path, "rb") as stream:
            return 0, "usage" not in read_header(stream, path.name)
    if name.endswith(".npz"):
        return 1, not find_split_array(path, path.name)
    return (_ARCHIVE, "fer" not in name) if name.endswith(_ARCHIVES) else None


def _find_kind(path):
    """What a file is by its first bytes, since suffixes lie: "zip", "tar" (perhaps compressed) or "csv"."""
    with open(path, "rb") as stream:
        head = stream.read(512)
    if not head:
        raise ValueError(f"{path.name}: 0 bytes, expected {EXPECTED}; fetch it again")
    if head.startswith(b"PK"):
        return "zip"
    return "tar" if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or head[257:262] == b"ustar" else "csv"


def _stream_csv(path, name):
    """What a zip of one csv and nothing else holds, which need not be unpacked; None for another."""
    with zipfile.ZipFile(path) as archive:
        files = [member for member in archive.infolist() if not member.is_dir()]
        if [Path(member.filename).suffix.lower() for member in files] != [".csv"]:
            return None
        with archive.open(files[0]) as stream:
            return read_fer_csv(BufferedReader(stream, _BUFFER), f"{name}/{files[0].filename}")


def _unpack(path, folder, kind):
    folder.mkdir()
    if kind == "zip":
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                member.filename = member.filename.replace("\\", "/")  # as some programs write them
                archive.extract(member, folder)  # never outside the folder
    else:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter=_keep_inside)
            while archive.fileobj.read(_BUFFER):  # the checksum of a .gz stands at its very end
                pass


@contextmanager
def _told_as_damage(path):
    """What the archive's library raises, as a ValueError that names the file and the cure."""
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, LZMAError, OSError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise OSError(f"{path.name}: no room to unpack it in {tempfile.gettempdir()}; free some there") from error
        raise ValueError(
            f"{path.name}: damaged, cut off or unreadable ({error or type(error).__name__}); fetch it again"
        ) from error
    except (RuntimeError, NotImplementedError, TypeError) as error:  # a password, a rare compression, an old Python
        raise ValueError(f"{path.name}: {error}; unpack it by hand and name the folder") from error


def _keep_inside(member, folder):
    try:
        return tarfile.data_filter(member, folder)
    except tarfile.FilterError:  # it would be written elsewhere, or is no file
        return None


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


def _read_pictures(folder, name):
    rows, turn = RowCollector(name), Counter()
    pictures = [PurePosixPath(file) for file, _, _ in list_pictures(folder)]
    # the others belong to another copy
    pictures = [picture for picture in pictures if _find_root([picture.parent]) in (PurePosixPath(), None)]
    # a folder may be named directly: its own name then tells the split
    folders = {picture: (folder.name.split(".")[0], *picture.parent.parts) for picture in pictures}
    by_folder = {picture: _find_split(above[-1]) if above else None for picture, (*above, _) in folders.items()}
    by_name = {picture: re.match("|".join(SPLITS), picture.name, re.IGNORECASE) for picture in pictures}
    unknown = [picture for picture in pictures if not by_name[picture] and by_folder[picture] == _PRIVATE]
    halved = bool(unknown) and _PUBLIC not in by_folder.values()
    for picture in sorted(pictures, key=_by_number):
        emotion = folders[picture][-1]
        try:
            if emotion.lower() not in CLASSES:
                raise ValueError(f"folder {emotion!r}, expected one of {', '.join(EMOTIONS)}")
            image, label = _read_picture(folder / picture), CLASSES[emotion.lower()]
        except ValueError as error:
            rows.rejected.append((f"{name}/{picture}", str(error)))
            continue
        split = _PREFIXES[by_name[picture][0].lower()] if by_name[picture] else by_folder[picture] or _TRAINING
        if halved and not by_name[picture] and split == _PRIVATE:
            turn[label] += 1
            split = (_PUBLIC, _PRIVATE)[turn[label] % 2 - 1]
        rows.add(image, label, split)
    return rows.finish("test folder halved" if halved else "")


def _by_number(picture):
    number = re.search(r"(\d+)$", picture.stem)
    return int(number[1]) if number else float("inf"), str(picture)


def _read_picture(path):
    """(48, 48) uint8; a ValueError with the reason if it is no whole, small, square picture."""
    from PIL import Image, ImageOps

    expected = f"expected a square face of at most {_LARGEST_SIDE}x{_LARGEST_SIDE}"
    if path.exists() and not path.stat().st_size:
        raise ValueError("0 bytes, expected a picture")
    try:
        with warnings.catch_warnings(action="ignore"):  # of damage that the picture survives
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_PICTURE_FORMATS) as picture:
                width, height = picture.size
                if fit := width == height <= _LARGEST_SIDE:
                    picture.draft("L", None)  # a JPEG in colour has its grey levels stored
                    picture = ImageOps.exif_transpose(picture)
                    if picture.mode.startswith("I"):  # 16 bits, which Pillow would clip
                        picture = Image.fromarray((np.asarray(picture) // 256).astype(np.uint8))
                    image = np.array(picture.convert("L"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"more than {Image.MAX_IMAGE_PIXELS:,} pixels, {expected}") from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged data
        cut = "truncated" in str(error)
        raise ValueError("the picture is cut off" if cut else "not a readable picture") from error
    if not fit:
        raise ValueError(f"{width}x{height} pixels, {expected}")
    if image.shape[0] != IMAGE_SIZE:
        import cv2

        image = cv2.resize(image, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA)
    return image
