"""The folder that `score_files` writes: what is to be done, and what is.

plan/parts.parquet lists the input, once. Chunk 7 is done when files/000007.parquet is there; faces/000007.parquet is
written before. Nothing else coordinates processes and machines: whoever writes a chunk writes the same bytes, and
gives them their name when they are whole.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np

from ferlib._atomic import UNFINISHED, whole_or_nothing
from ferlib.config import EMOTIONS
from ferlib.inference._files import find_files, is_video
from ferlib.inference._photos import PhotoError
from ferlib.inference._video import Source, film_time

CHUNKS, CHUNK_BYTES = 64, (2**20, 2**26)  # how many chunks at least, if each has so many bytes, at least and at most
FILE_BYTES = 100_000  # for which a file of no bytes counts: finding faces takes time too
SEGMENT, LONGEST = 120.0, 1e6  # seconds of a film that are scored at once, and that a damaged one may claim
SOUGHT = set(".mp4 .mov .m4v .3gp .mkv .webm .avi".split())  # films with an index; others are read from the start

COLUMNS = {
    "plan": dict(chunk="int32", path="binary", file="string", begun="timestamp[ms]", start="float64", end="float64"),
    "faces": {
        **dict(file="string", group="string", taken="timestamp[ms]", second="float64"),
        **dict.fromkeys("face x y width height".split(), "int32"),
        **dict.fromkeys(["score", *EMOTIONS], "float32"),
        **dict(predicted="string", abstained="bool", model="string", version="string"),
    },
    "files": dict(file="string", group="string", taken="timestamp[ms]", faces="int32", rejected="string"),
}
"""Of the tables, with Arrow's types."""


def open_plan(folder, sources, *, model, version):
    """List the photos and films of sources (paths) into a folder, unless that was done; how many parts a chunk has.

    Returns
    -------
    (N,) int64
        Of chunks 0, 1, ...

    Raises
    ------
    FileNotFoundError
        If a source is not there.
    ValueError
        If there is no photo and no film, or if the folder holds the scores of other sources or another network.
    """
    asked = {"sources": sorted({os.path.abspath(source) for source in sources}), "model": model, "version": version}
    plan = _plan(folder)
    if not plan.exists():
        rows, remarks = _list_parts(asked["sources"], folder)
        try:
            with whole_or_nothing(plan.parent) as unfinished:
                _write(unfinished / plan.name, "plan", rows, {**asked, "remarks": remarks})
        except OSError:
            if not plan.exists():  # else another process was faster
                raise
    held = read_plan(folder)
    if differing := " and ".join(f"{name} {held[name]}" for name in asked if held[name] != asked[name]):
        raise ValueError(f"{folder} holds the scores of {differing}: name them again, or another folder")
    return _chunk_sizes(folder)


def read_plan(folder):
    """What the scores of a folder are made of: dict of sources, model, version, remarks of `find_files`."""
    import pyarrow.parquet as pq

    if not _plan(folder).exists():
        raise FileNotFoundError(f"{folder} holds no scores: `ferlib score SOURCE --out {folder}` writes them")
    return json.loads(pq.read_schema(_plan(folder)).metadata[b"ferlib"])


def read_chunk(folder, number):
    """The parts of a chunk: list of dict of path, file, begun, start, end."""
    import pyarrow.parquet as pq

    rows = pq.read_table(_plan(folder), filters=[("chunk", "==", number)]).to_pylist()
    return [row | {"path": Path(os.fsdecode(row["path"]))} for row in rows]


def write_chunk(folder, number, faces, files):
    """Write the rows of a chunk, lists of dict: then it is done."""
    for name, rows in (("faces", faces), ("files", files)):
        _write(_table(folder, name, number), name, rows)


def done_chunks(folder):
    """Numbers of the chunks that are done, in order."""
    return sorted(int(path.stem) for path in Path(folder, "files").glob("*.parquet"))


def read_table(folder, name):
    """The table "faces" or "files" of the chunks that are done, as DataFrame."""
    from pyarrow import dataset

    paths = [str(_table(folder, name, number)) for number in done_chunks(folder)]
    return dataset.dataset(paths, schema=_schema(name), format="parquet").to_table().to_pandas()


def load_scores(folder):
    """The tables that `score_files` wrote, in the order of the sorted input.

    Returns
    -------
    faces : DataFrame
        A row a face: file, group (the folder that the file is in), taken (when, by the camera's clock), second (a
        film's clock, NaN in a photo), face (from 1 in each photo or frame), x, y, width, height (pixels), score (of the
        detector), seven calibrated probabilities, predicted, abstained, model, version.
    files : DataFrame
        A row a file, or part of a long film: file, group, taken, faces (how many), rejected (why it was not read, or
        not to its end; else "").

    Raises
    ------
    FileNotFoundError
        If the folder holds no scores.
    ValueError
        If they are not finished.
    """
    read_plan(folder)
    if (done := len(done_chunks(folder))) < (chunks := len(_chunk_sizes(folder))):
        raise ValueError(f"{folder} is not finished, chunks: {done} of {chunks}: the same `ferlib score` goes on")
    return read_table(folder, "faces"), read_table(folder, "files")


def tidy(folder):
    """Remove what was being written where a process or machine was killed; nobody may be writing."""
    for leftover in [*Path(folder).glob(f"{UNFINISHED}*"), *Path(folder).glob(f"*/{UNFINISHED}*")]:
        shutil.rmtree(leftover, ignore_errors=True)


def _plan(folder):
    return Path(folder, "plan", "parts.parquet")


def _table(folder, name, number):
    return Path(folder, name, f"{number:06}.parquet")


def _chunk_sizes(folder):
    import pyarrow.parquet as pq

    return np.bincount(pq.read_table(_plan(folder), columns=["chunk"])["chunk"])


def _schema(name):
    import pyarrow as pa

    return pa.schema([(column, pa.type_for_alias(kind)) for column, kind in COLUMNS[name].items()])


def _write(path, name, rows, about=None):
    """Write rows (list of dict) as Parquet, onto the disk: equal rows make equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(rows, _schema(name).with_metadata(about and {"ferlib": json.dumps(about)}))
    try:
        with whole_or_nothing(path) as unfinished, unfinished.open("wb") as file:
            pq.write_table(table, file, compression="zstd", row_group_size=10_000)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{path} cannot be written ({reason}): make room, and the same call goes on") from error


def _list_parts(sources, folder):
    """Rows of the plan, sorted by name, and the remarks of `find_files`."""
    for source in sources:
        if not os.path.exists(source):
            raise FileNotFoundError(f"{source}: no such file or folder")
    (found, remarks), rows, weights = find_files(sources, output=folder), [], []
    root = os.path.commonpath(map(os.path.dirname, sources))
    names = {os.fsencode(path.relative_to(root).as_posix()).decode(errors="backslashreplace"): path for path in found}
    for name, path in sorted(names.items()):
        begun, starts = _cut_film(path) if is_video(path) else (None, [0.0])
        size = path.stat().st_size if path.exists() else 0  # of a link that leads nowhere
        weights += [FILE_BYTES + size / len(starts)] * len(starts)
        about = {"path": os.fsencode(path), "file": name, "begun": begun}
        rows += [about | {"start": start, "end": end} for start, end in zip(starts, [*starts[1:], np.inf], strict=True)]
    if not rows:
        raise ValueError(f"no photo and no film: {'; '.join(remarks)}")
    most = np.clip(sum(weights) / CHUNKS, *CHUNK_BYTES)
    _, chunks = np.unique((np.cumsum(weights) - weights) // most, return_inverse=True)
    return [{"chunk": chunk, **row} for chunk, row in zip(chunks.tolist(), rows, strict=True)], remarks


def _cut_film(path):
    """When a film was begun, or None, and the seconds where its parts begin: many if it is long and can be sought."""
    try:
        begun, length = film_time(path), Source(path).length
    except (PhotoError, OSError):  # a row of the table will say it
        return None, [0.0]
    length = min(length, LONGEST) if path.suffix.lower() in SOUGHT else 0
    return begun, np.arange(0, max(SEGMENT, length - SEGMENT / 2), SEGMENT).tolist()
