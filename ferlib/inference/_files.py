"""Files and folders: predictions for photos and videos as tables and annotated copies."""

import csv
import json
import os
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from ferlib._atomic import whole_or_nothing
from ferlib.inference._annotate import draw_predictions
from ferlib.inference._photos import PHOTO_SUFFIXES, PhotoError, read_photo
from ferlib.inference._predict import FIELDS
from ferlib.inference._video import VIDEO_SUFFIXES, predict_frames

COLUMNS = ("file", "time", "face", *FIELDS)
MOST_ROWS = 20_000  # of a video that are held in memory
LONGEST_SIDE = 65_500  # of a JPEG
LONGEST_STEM = 200  # bytes of a name, which leave room for "_faces_2.jpg" in the usual 255

MARK = b"\0\0\0\x1bfreeannotated by ferlib"
"""Ends every annotated copy, so that none is taken for a photo: an empty box in a video, nothing in a picture."""


@dataclass
class FileResult:
    """What was found in a file.

    Attributes
    ----------
    file : Path
    rows : list of dict
        One a face (in a video, one a face and frame): file, time (s; None in a photo), face (number of the face or
        person), x, y, width, height, score, predicted, coarse, and seven probabilities. Of a long video, only as many
        frames as make `MOST_ROWS`, evenly chosen; the tables have all.
    predictions, persons : int
        How many rows there are in all, and how many faces of a photo or persons of a video.
    error : str or None
        Why it was not read, not read to its end, or not copied.
    remark : str or None
        What its copy lacks.
    """

    file: Path
    rows: list = field(default_factory=list)
    predictions: int = 0
    persons: int = 0
    error: str | None = None
    remark: str | None = None
    _frames: int = 0
    _step: int = 1

    def _add(self, rows):
        self.predictions += len(rows)
        self.persons = max([self.persons, *(row["face"] for row in rows)])
        self.rows += rows if self._frames % self._step == 0 else []
        self._frames += 1
        if len(self.rows) > MOST_ROWS:
            self._step *= 2
            kept = set(sorted({row["time"] for row in self.rows})[::2])
            self.rows = [row for row in self.rows if row["time"] in kept]


def find_files(paths, *, output):
    """The photos and videos that are meant: files as named, folders with all that they hold, however deep.

    The folder `output`, annotated copies wherever they are, and what is hidden are passed over; links to folders are
    not followed.

    Returns
    -------
    files : list of Path
    remarks : list of str
        A line for each folder, what was seen in it, and for each named file that is passed over.
    """
    files, remarks = [], []
    for path in map(Path, paths):
        if os.path.isdir(path):
            seen = Counter()
            found = sorted(_walk(path, Path(output), seen))
            videos = sum(map(is_video, found))
            seen = ", ".join(f"{kind}: {count}" for kind, count in seen.most_common() if count)
            remarks.append(f"{path}: photos: {len(found) - videos}, videos: {videos}; passed over: {seen or 'nothing'}")
            if not found:
                read = (" ".join(sorted(suffixes)) for suffixes in (PHOTO_SUFFIXES, VIDEO_SUFFIXES))
                remarks[-1] += "; photos are {}, videos {}".format(*read)
            files += found
        elif _is_copy(path):
            remarks.append(f"{path}: passed over, an annotated copy that ferlib made")
        else:
            files.append(path)
    return files, remarks


def predict_files(files, predictor, *, folder, plot_timeline=None):
    """Predict every face in some photos and videos (paths); annotated copies, timelines, csv and json go to a folder.

    Whatever happens to one file, the others are read. Rows are written as they come; until the end, the tables are
    called predictions.unfinished. Of what the folder holds, only earlier tables and copies are overwritten.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    plot_timeline : callable, optional
        From the rows of `predict_video` to Axes, such as `ferlib.plots.plot_timeline`: saved as .png beside each
        video's annotated copy.

    Yields
    ------
    FileResult

    Raises
    ------
    OSError
        If the tables cannot be written.
    """
    counts = Counter()
    with _open_tables(folder) as write:
        for path in files:
            result, target = FileResult(path), _name_copy(path, folder, counts)
            for rows in _read_file(result, predictor, target, plot_timeline):
                result._add(rows)
                write(rows)
            yield result


def is_video(path):
    """Whether a file's name says that it is a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def _is_copy(path):
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            file.seek(-len(MARK), os.SEEK_END)
            return file.read() == MARK
    except OSError:
        return False


def _walk(folder, output, seen):
    """The photos and videos in a folder; `seen` counts the rest by kind."""
    for here, folders, names in os.walk(folder, onerror=lambda error: seen.update(["folders that cannot be opened"])):
        inside = [Path(here, name) for name in folders if not name.startswith(".")]
        own = [path for path in inside if output.is_dir() and path.samefile(output)]
        seen.update({"links to folders": sum(path.is_symlink() for path in inside), "folder of predictions": len(own)})
        folders[:] = [path.name for path in inside if path not in own]
        for path in (Path(here, name) for name in names if not name.startswith(".")):
            if path.suffix.lower() not in PHOTO_SUFFIXES | VIDEO_SUFFIXES:
                seen[path.suffix.lower() or "without suffix"] += path.name.lower() not in ("thumbs.db", "desktop.ini")
            elif _is_copy(path):
                seen["annotated copies"] += 1
            else:
                yield path


def _name_copy(path, folder, counts):
    """A name for an annotated copy: its own where two folders hold files of one name, and no other file's."""
    stem = path.stem.encode(errors="ignore")[:LONGEST_STEM].decode(errors="ignore")
    suffix = ".mp4" if is_video(path) else ".jpg"
    while True:
        counts[stem.casefold(), suffix] += 1
        count = counts[stem.casefold(), suffix]
        target = folder / f"{stem}_faces{f'_{count}' if count > 1 else ''}{suffix}"
        if not any(file.exists() and not _is_copy(file) for file in (target, target.with_suffix(".png"))):
            return target


@contextmanager
def _open_tables(folder):
    """A function that adds rows to both tables, which have their names only when they are whole."""
    tables = [folder / "predictions.csv", folder / "predictions.json"]
    unfinished = [table.with_stem("predictions.unfinished") for table in tables]
    options = dict(mode="w", newline="", encoding="utf-8", errors="backslashreplace")  # file names need not be text
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished[0].open(**options) as csv_file, unfinished[1].open(**options) as json_file:
            table, before = csv.DictWriter(csv_file, COLUMNS), iter(["\n"])
            table.writeheader()
            json_file.write("[")

            def write(rows):
                table.writerows(rows)
                json_file.writelines(next(before, ",\n") + json.dumps(row) for row in rows)
                csv_file.flush()
                json_file.flush()

            write([])
            yield write
            json_file.write("\n]\n")
        for path, whole in zip(unfinished, tables, strict=True):
            path.replace(whole)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"{folder}: the tables cannot be written ({reason}): make room, or name another folder"
        ) from error
    finally:
        for path in unfinished:
            if path.is_file() and path.stat().st_size < 2:
                path.unlink()


@contextmanager
def _write_copy(target):
    """A path to write an annotated copy to; it is then marked as one, and moved to its place."""
    with whole_or_nothing(target) as path:
        yield path
        with path.open("ab") as file:
            file.write(MARK)


def _read_file(result, predictor, target, plot_timeline):
    """Rows of the photo, or of each frame of the video; whatever is raised becomes the result's error."""
    path = result.file
    try:
        if is_video(path):
            yield from _read_video(result, predictor, target, plot_timeline)
        else:
            yield from _read_photo(path, predictor, target)
    except Exception as problem:
        result.error = explain(problem, f"{path} cannot be read")


def _read_photo(path, predictor, target):
    photo = read_photo(path)
    predictions = predictor(photo)
    yield [_row(path, None, number, face.as_row()) for number, face in enumerate(predictions, 1)]
    try:
        drawn = draw_predictions(photo, predictions)
        if (shrink := LONGEST_SIDE / max(drawn.shape)) < 1:
            drawn = cv2.resize(drawn, [max(1, int(shrink * side)) for side in drawn.shape[1::-1]])
        picture = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))[1]
        with _write_copy(target) as copy:
            copy.write_bytes(picture)
    except Exception as problem:
        raise PhotoError(explain(problem, f"{path} was read, but its copy cannot be written")) from problem


def _read_video(result, predictor, target, plot_timeline):
    early = None
    with _write_copy(target) as copy, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            for rows in predict_frames(result.file, predictor, target=copy):
                yield [_row(result.file, round(row.pop("time"), 3), row.pop("person"), row) for row in rows]
        except PhotoError as problem:
            early = problem
            if not copy.exists():
                raise
    result.remark = next((str(warning.message) for warning in said if warning.category is UserWarning), None)
    if plot_timeline and result.rows:
        from matplotlib import pyplot

        figure = plot_timeline([row | {"person": row["face"]} for row in result.rows]).figure
        with _write_copy(target.with_suffix(".png")) as picture:
            figure.savefig(picture, bbox_inches="tight")
        pyplot.close(figure)
    if early:
        raise early


def explain(problem, what):
    """A sentence for any exception."""
    if isinstance(problem, PhotoError | FileNotFoundError):
        return str(problem)
    reason = "not enough memory" if isinstance(problem, MemoryError) else getattr(problem, "strerror", None) or problem
    return f"{what} ({' '.join(str(reason).split()) or type(problem).__name__})"


def _row(path, time, number, fields):
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in fields.items()}
    return {"file": str(path), "time": time, "face": number, **rounded}
