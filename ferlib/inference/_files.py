"""Files and folders: predictions for photos and videos as tables and annotated copies."""

import csv
import json
from collections import Counter
from pathlib import Path

import cv2

from ferlib.inference._annotate import draw_predictions
from ferlib.inference._photos import PHOTO_SUFFIXES, PhotoError, read_photo
from ferlib.inference._predict import FIELDS
from ferlib.inference._video import VIDEO_SUFFIXES, predict_video

COLUMNS = ("file", "time", "face", *FIELDS)


def find_files(paths):
    """Paths of the photos and videos that are meant: files as named, folders with all that they hold, however deep."""
    files = []
    for path in map(Path, paths):
        inside = (file for file in sorted(path.rglob("*")) if file.suffix.lower() in PHOTO_SUFFIXES | VIDEO_SUFFIXES)
        files += inside if path.is_dir() else [path]
    return files


def predict_files(files, predictor, *, folder, plot_timeline=None, **options):
    """Predict every face in some photos and videos (paths); annotated copies, timelines, csv and json go to a folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    plot_timeline : callable, optional
        From the rows of `predict_video` to Axes, such as `ferlib.plots.plot_timeline`: saved as .png beside each
        video's annotated copy.
    **options
        Of `detect_faces`.

    Yields
    ------
    file : Path
    rows : list of dict
        One a face (in a video, one a face and frame): file, time (None in a photo), face (number of the face or
        person), x, y, width, height, score, predicted, coarse, and seven probabilities.
    error : str or None
        Why the file could not be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        everything = []
        for path, target in zip(files, _name_copies(files, folder), strict=True):
            rows, error = [], None
            try:
                if target.suffix == ".jpg":
                    rows = _predict_photo(path, predictor, target, **options)
                else:
                    rows = _predict_film(path, predictor, target, plot_timeline, **options)
            except (PhotoError, OSError) as problem:
                error = str(problem)
            table.writerows(rows)
            everything += rows
            yield path, rows, error
    (folder / "predictions.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")


def _name_copies(files, folder):
    """A name for each annotated copy, its own even where two folders hold files of one name."""
    counts = Counter()
    for path in files:
        suffix = ".mp4" if path.suffix.lower() in VIDEO_SUFFIXES else ".jpg"
        counts[path.stem, suffix] += 1
        count = counts[path.stem, suffix]
        yield folder / f"{path.stem}_faces{f'_{count}' if count > 1 else ''}{suffix}"


def _predict_photo(path, predictor, target, **options):
    photo = read_photo(path)
    predictions = predictor(photo, **options)
    drawn = cv2.cvtColor(draw_predictions(photo, predictions), cv2.COLOR_RGB2BGR)
    target.write_bytes(cv2.imencode(".jpg", drawn)[1])
    return [_row(path, None, number, face.as_row()) for number, face in enumerate(predictions, 1)]


def _predict_film(path, predictor, target, plot_timeline, **options):
    rows = predict_video(path, predictor, target=target, **options)
    if plot_timeline and rows:
        from matplotlib import pyplot

        figure = plot_timeline(rows).figure
        figure.savefig(target.with_suffix(".png"), bbox_inches="tight")
        pyplot.close(figure)
    return [_row(path, round(row.pop("time"), 3), row.pop("person"), row) for row in rows]


def _row(path, time, number, fields):
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in fields.items()}
    return {"file": str(path), "time": time, "face": number, **rounded}
