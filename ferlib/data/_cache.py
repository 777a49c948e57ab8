"""Memory-mapped copies of what was read."""

import hashlib
import json
import shutil
import time
import warnings
from contextlib import suppress

import numpy as np

from ferlib import config
from ferlib._atomic import UNFINISHED, whole_or_nothing
from ferlib.data._csv import LoadedArrays

_FORMAT = 3  # raise it when what an entry holds, or how a source is read, changes


def read_cached(path, state, read):
    """`read(path)`: LoadedArrays; or what it returned the last time, if the source is the same and in the same state.

    An entry is a file in `config.CACHE_DIR`, named by both. It appears whole or not at all, so that several
    processes may read and write at once; a broken one is read anew. Entries of the source's older states go.
    The images are memory-mapped, unless the cache cannot be written: that is a warning, not an error.

    joblib.Memory was tried: on a full disk it fails instead of warning, it keeps what a killed process left, and
    importing it takes longer than a load from this cache.
    """
    source, version = (hashlib.sha256(repr(part).encode()).hexdigest() for part in (str(path), (_FORMAT, state)))
    entry = config.CACHE_DIR / f"{source[:12]}-{version[:20]}.npy"
    loaded = _read_entry(entry)
    if loaded is not None:
        return loaded
    loaded = read(path)
    try:
        with whole_or_nothing(entry) as unfinished, open(unfinished, "wb") as file:
            for array in loaded[:3]:
                np.save(file, array)
            file.write(json.dumps(loaded[3:]).encode())
        _remove_old(entry)
    except OSError as error:
        warnings.warn(f"no cache, so every load reads the source anew: {error}", stacklevel=3)
    return _read_entry(entry) or loaded


def _read_entry(entry):
    """LoadedArrays of an entry, a file of three arrays and a line of JSON; None if it is not there or not whole."""
    try:
        images = np.load(entry, mmap_mode="r")
        with open(entry, "rb") as file:
            file.seek(images.offset + images.nbytes)
            return LoadedArrays(images, np.load(file), np.load(file), *json.load(file))
    except (OSError, ValueError, TypeError, EOFError):
        return None


def _remove_old(entry):
    """Remove entries of the source's older states, and what processes left that were killed a day ago or more."""
    with suppress(OSError):  # on Windows, somebody may still have an old entry mapped
        for old in entry.parent.glob(f"{entry.name.split('-')[0]}-*"):
            if old != entry:
                old.unlink(missing_ok=True)
    for left in entry.parent.glob(f"{UNFINISHED}*"):
        with suppress(FileNotFoundError):  # its process has just finished
            if left.stat().st_mtime < time.time() - 86400:
                shutil.rmtree(left, ignore_errors=True)
