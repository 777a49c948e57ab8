"""Keep what was read as memory-mapped arrays, and write files so that nobody sees half of one."""

import errno
import hashlib
import json
import shutil
import tempfile
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from ferlib import config
from ferlib.tables import Table

_FORMAT = 1  # raise it when what an entry holds, or how a source is read, changes
_ARRAYS = ("images", "labels", "usage")
_UNFINISHED = ".unfinished-"


def read_cached(identity, state, read):
    """`read()`, or what it returned the last time, if the source is the same and in the same state.

    An entry is a folder in `config.CACHE_DIR`, named by both. It appears whole or not at all, so that several
    processes may read and write at once; a broken one is read anew. Entries of the source's older states go.

    Parameters
    ----------
    identity : str
        Which source; for a file its full path.
    state : object
        Anything with a faithful `repr` that changes when the source does.
    read : callable
        Returns a Table.

    Returns
    -------
    Table
        Images memory-mapped, unless the cache cannot be written: that is a warning, not an error.
    """
    names = [hashlib.sha256(repr(part).encode()).hexdigest() for part in (identity, (_FORMAT, state))]
    entry = config.CACHE_DIR / f"{names[0][:12]}-{names[1][:20]}"
    table = _read_entry(entry)
    if table is not None:
        return table
    table = read()
    try:
        _write_entry(entry, table)
    except OSError as error:
        # another process was first, which is as good
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            warnings.warn(f"no cache, so every load reads the source anew: {error}", stacklevel=3)
    return _read_entry(entry) or table


@contextmanager
def whole_or_nothing(target):
    """A path to write a file or folder to, renamed to `target` at the end and removed after an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=_UNFINISHED) as folder:
        unfinished = Path(folder, target.name)
        yield unfinished
        unfinished.rename(target)


def _read_entry(entry):
    """The Table in a cache entry, images memory-mapped; None if it is not there or not whole."""
    try:
        images = np.load(entry / "images.npy", mmap_mode="r")
        labels, usage = np.load(entry / "labels.npy"), np.load(entry / "usage.npy")
        rest = json.loads((entry / "rest.json").read_text(encoding="utf-8"))
        side = config.IMAGE_SIZE
        whole = images.shape == (len(labels), side, side) and len(usage) == len(labels)
        return Table(images, labels, usage, **rest) if whole else None
    except (OSError, ValueError, TypeError, EOFError):
        return None


def _write_entry(entry, table):
    with whole_or_nothing(entry) as unfinished:
        unfinished.mkdir()
        for key in _ARRAYS:
            np.save(unfinished / f"{key}.npy", getattr(table, key))
        rest = {"rejected": table.rejected, "note": table.note}
        (unfinished / "rest.json").write_text(json.dumps(rest), encoding="utf-8")
        for old in entry.parent.glob(f"{entry.name.split('-')[0]}-*"):
            if old != entry or _read_entry(old) is None:  # of an older state of this source, or broken
                shutil.rmtree(old, ignore_errors=True)
    for left in entry.parent.glob(f"{_UNFINISHED}*"):  # by a process that was killed
        with suppress(FileNotFoundError):  # its process has just finished
            if left.stat().st_mtime < time.time() - 86400:
                shutil.rmtree(left, ignore_errors=True)
