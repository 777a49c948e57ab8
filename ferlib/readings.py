"""Photos, folders and videos -> what their faces show, as lines, tables and annotated copies."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np

from ferlib.annotate import draw_predictions
from ferlib.config import EMOTIONS
from ferlib.photos import PhotoError, read_photo
from ferlib.predict import FacePrediction
from ferlib.video import predict_video

PHOTOS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".jp2", ".ppm"}
VIDEOS = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".y4m"}
COLUMNS = ("file", "time", "face", "x", "y", "width", "height", "answer", "mood", *EMOTIONS)


def find_files(paths):
    """The photos and videos that are meant: files as named, folders with all that they hold, however deep.

    Parameters
    ----------
    paths : list of str or Path

    Returns
    -------
    list of Path
    """
    files = []
    for path in map(Path, paths):
        inside = sorted(path.rglob("*")) if path.is_dir() else []
        files += [file for file in inside if file.suffix.lower() in PHOTOS | VIDEOS] if path.is_dir() else [path]
    return files


def read_files(files, predictor, *, folder, **options):
    """Read every face of some photos and videos; annotated copies, timelines, a csv and a json go to a folder.

    Parameters
    ----------
    files : list of Path
    predictor : Predictor
    folder : Path
        Made if it is not there.
    **options
        Of `ferlib.faces.detect_faces`, for photos.

    Yields
    ------
    file : Path
    rows : list of dict
        One a face (in a video, one a face and frame), with the keys `COLUMNS`; time is None in a photo.
    error : str or None
        Why the file could not be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        everything = []
        for path, target in zip(files, _name_copies(files, folder), strict=True):
            try:
                if path.suffix.lower() in VIDEOS:
                    rows, error = _read_video(path, predictor, target), None
                else:
                    rows, error = _read_photo(path, predictor, target, **options), None
            except (PhotoError, OSError) as problem:
                rows, error = [], str(problem)
            table.writerows(rows)
            everything += rows
            yield path, rows, error
    (folder / "predictions.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")


def _name_copies(files, folder):
    """A name for each annotated copy, its own even where two folders hold files of one name."""
    taken = set()
    for path in files:
        suffix = ".mp4" if path.suffix.lower() in VIDEOS else ".jpg"
        name, count = f"{path.stem}_faces{suffix}", 1
        while name in taken:
            count += 1
            name = f"{path.stem}_faces_{count}{suffix}"
        taken.add(name)
        yield folder / name


def _read_photo(path, predictor, target, **options):
    photo = read_photo(path)
    predictions = predictor(photo, **options)
    drawn = cv2.cvtColor(draw_predictions(photo, predictions), cv2.COLOR_RGB2BGR)
    target.write_bytes(cv2.imencode(".jpg", drawn)[1])
    return [_row(path, None, number, face) for number, face in enumerate(predictions, 1)]


def _read_video(path, predictor, target):
    rows = []
    table = predict_video(path, predictor, target=target)
    if len(table):
        _save_timeline(table, target.with_suffix(".png"))
    for time, person, x, y, width, height, *shares in table.itertuples(index=False, name=None):
        face = FacePrediction((x, y, width, height), None, None, np.array(shares))
        rows.append(_row(path, round(time, 3), person, face))
    return rows


def _save_timeline(table, target):
    from matplotlib import pyplot

    from ferlib.photo_plots import plot_timeline
    from ferlib.style import use_style

    use_style()
    figure = plot_timeline(table).figure
    figure.savefig(target, bbox_inches="tight")
    pyplot.close(figure)


def _row(path, time, number, face):
    shares = [round(float(share), 4) for share in face.probabilities]
    return dict(zip(COLUMNS, (str(path), time, number, *face.box, face.answer, face.mood, *shares), strict=True))
