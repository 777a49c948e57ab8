"""The folder that `score_files` writes: what is to be done, and what is.

plan/parts.parquet lists the input, once. Chunk 7 is done when files/000007.parquet is there; faces/000007.parquet is
written before. Nothing else coordinates processes and machines: whoever writes a chunk writes the same bytes, and
gives them their name when they are whole.
"""

import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ferlib._atomic import UNFINISHED, whole_or_nothing
from ferlib.config import EMOTIONS
from ferlib.inference._files import find_files
from ferlib.inference._photos import PhotoError
from ferlib.inference._video import VIDEO_SUFFIXES, Source

CHUNKS, CHUNK_BYTES = 64, (2**20, 2**26)  # how many chunks at least, if each has so many bytes, at least and at most
FILE_BYTES = 100_000  # for which a file of no bytes counts: finding faces takes time too
SEGMENT, LONGEST = 120.0, 1e6  # seconds of a film that are scored at once, and that a damaged one may claim
SOUGHT = set(".mp4 .mov .m4v .3gp .mkv .webm .avi".split())  # films with an index; others are read from the start

PARTS = {"chunk": "int32", "path": "binary", "file": "string", "start": "float64", "end": "float64"}
FACES = {
    **{"file": "string", "group": "string", "taken": "timestamp[ms]", "second": "float64"},
    **dict.fromkeys("face x y width height".split(), "int32"),
    **dict.fromkeys(["score", *EMOTIONS], "float32"),
    **{"predicted": "string", "abstained": "bool", "model": "string", "version": "string"},
}
FILES = {"file": "string", "group": "string", "taken": "timestamp[ms]", "faces": "int32", "rejected": "string"}
"""Columns of the tables, with Arrow's types."""


class Part(NamedTuple):
    """A photo, or a film from one second to another.

    `file` is its name in the tables: its path below the source, which comes first, with slashes.
    """

    path: Path
    file: str
    start: float
    end: float

    @property
    def is_film(self):
        return self.path.suffix.lower() in VIDEO_SUFFIXES


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
        If there is no photo and no film, if two would have one name, or if the folder holds the scores of other sources
        or another network.
    """
    import pyarrow.parquet as pq

    sources = sorted({os.path.abspath(source) for source in sources})
    asked = {"sources": sources, "model": model, "version": version}
    if not _plan(folder).exists():
        parts, remarks = _list_parts(sources, folder)
        try:
            with whole_or_nothing(_plan(folder).parent) as unfinished:
                unfinished.mkdir()
                _write(unfinished / _plan(folder).name, parts, PARTS, {**asked, "remarks": remarks})
        except OSError:
            if not _plan(folder).exists():  # else another process was faster
                raise
    if differing := [name for name, value in asked.items() if read_plan(folder)[name] != value]:
        held = " and ".join(f"{name} {read_plan(folder)[name]}" for name in differing)
        raise ValueError(f"{folder} holds the scores of {held}: name them again, or another folder")
    return np.bincount(pq.read_table(_plan(folder), columns=["chunk"])["chunk"])


def read_plan(folder):
    """What the scores of a folder are made of: dict of sources, model, version, remarks of `find_files`."""
    import pyarrow.parquet as pq

    if not _plan(folder).exists():
        raise FileNotFoundError(f"{folder} holds no scores: `ferlib score SOURCE --out {folder}` writes them")
    return json.loads(pq.read_schema(_plan(folder)).metadata[b"ferlib"])


def read_chunk(folder, number):
    """The list of `Part` that a chunk has."""
    import pyarrow.parquet as pq

    rows = pq.read_table(_plan(folder), filters=[("chunk", "==", number)]).to_pylist()
    return [Part(Path(os.fsdecode(row["path"])), row["file"], row["start"], row["end"]) for row in rows]


def write_chunk(folder, number, faces, files):
    """Write the rows of a chunk, lists of dict: then it is done."""
    try:
        for name, rows, columns in (("faces", faces, FACES), ("files", files, FILES)):
            with whole_or_nothing(_table(folder, name, number)) as unfinished:
                _write(unfinished, rows, columns)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{folder} cannot be written ({reason}): make room, and the same call goes on") from error


def done_chunks(folder):
    """Numbers of the chunks that are done, in order."""
    return sorted(int(path.stem) for path in Path(folder, "files").glob("*.parquet"))


def read_table(folder, name, columns=None):
    """The table "faces" or "files" of the chunks that are done, as Arrow has it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    empty = _schema(FACES if name == "faces" else FILES).empty_table()
    tables = [pq.read_table(_table(folder, name, number), columns=columns) for number in done_chunks(folder)]
    return pa.concat_tables([empty.select(columns or empty.column_names), *tables])


def load_scores(folder):
    """The tables that `score_files` wrote, in the order of the sorted input.

    Returns
    -------
    faces : DataFrame
        A row a face: file, group (the folder that the file is in), taken (when, by the camera's clock; a film's in
        UTC), second (a film's clock, NaN in a photo), face (from 1 in each photo or frame), x, y, width, height
        (pixels), score (of the detector), seven calibrated probabilities, predicted, abstained, model, version.
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
    import pyarrow.parquet as pq

    read_plan(folder)
    chunks = 1 + pq.read_table(_plan(folder), columns=["chunk"])["chunk"][-1].as_py()
    if (done := len(done_chunks(folder))) < chunks:
        raise ValueError(f"{folder} is not finished, chunks: {done} of {chunks}: the same `ferlib score` goes on")
    return read_table(folder, "faces").to_pandas(), read_table(folder, "files").to_pandas()


def tidy(folder):
    """Remove what was being written where a process or machine was killed; nobody may be writing."""
    for leftover in [*Path(folder).glob(f"{UNFINISHED}*"), *Path(folder).glob(f"f*/{UNFINISHED}*")]:
        shutil.rmtree(leftover, ignore_errors=True)


def _plan(folder):
    return Path(folder, "plan", "parts.parquet")


def _table(folder, name, number):
    return Path(folder, name, f"{number:06}.parquet")


def _schema(columns):
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(kind)) for name, kind in columns.items()])


def _write(path, rows, columns, about=None):
    """Write rows (list of dict) as Parquet, onto the disk: equal rows make equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(columns).with_metadata(about and {"ferlib": json.dumps(about)})
    with path.open("wb") as file:
        pq.write_table(pa.Table.from_pylist(rows, schema), file, compression="zstd", row_group_size=10_000)
        file.flush()
        os.fsync(file.fileno())


def _list_parts(sources, folder):
    """Rows of the plan, sorted by name, and the remarks of `find_files`."""
    names, remarks, paths = {}, [], set()
    for source in map(Path, sources):
        if not source.exists():
            raise FileNotFoundError(f"{source}: no such file or folder")
        found, said = find_files([source], output=folder)
        remarks += said
        for path in (path for path in found if path not in paths):
            name = os.fsencode(Path(source.name, path.relative_to(source)).as_posix()).decode(errors="backslashreplace")
            if name in names:
                raise ValueError(f"{path} and {names[name]} would both be called {name}: rename a source")
            names[name] = path
        paths.update(found)
    rows, weights = [], []
    for name, path in sorted(names.items()):
        starts = _segments(path)
        size = path.stat().st_size if path.exists() else 0  # of a link that leads nowhere
        weights += [FILE_BYTES + size / len(starts)] * len(starts)
        ends = [*starts[1:], np.inf]
        rows += [
            {"path": os.fsencode(path), "file": name, "start": start, "end": end}
            for start, end in zip(starts, ends, strict=True)
        ]
    if not rows:
        raise ValueError(f"no photo and no film: {'; '.join(remarks)}")
    most = np.clip(sum(weights) / CHUNKS, *CHUNK_BYTES)
    _, chunks = np.unique((np.cumsum(weights) - weights) // most, return_inverse=True)
    return [{"chunk": chunk, **row} for chunk, row in zip(chunks.tolist(), rows, strict=True)], remarks


def _segments(path):
    """Seconds where the parts of a file begin: a long film has several, if it can be sought."""
    if path.suffix.lower() not in SOUGHT:
        return [0.0]
    try:
        length = min(Source(path).length, LONGEST)
    except (PhotoError, OSError):  # a row of the table will say it
        return [0.0]
    return np.arange(0, max(SEGMENT, length - SEGMENT / 2), SEGMENT).tolist()
