"""`ferlib <verb>`: a thin door to the library; every import happens inside the verb that needs it."""

import argparse
import dataclasses
import sys
import time
from pathlib import Path

from ferlib import config


def main(argv=None):
    """Run a verb; errors that a user can mend end with their sentence and exit code 1."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except (ValueError, OSError, RuntimeError) as error:
        print(f"ferlib {arguments.verb}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def figures(arguments):
    """Execute the five notebooks, writing executed copies to build/ and figures to figures/."""
    from ferlib.data import find_source
    from ferlib.notebooks import run_notebooks

    source = find_source()
    folder = config.FIGURES_DIR if source else config.FIGURES_DIR / "sample"
    start = time.time()
    print("data:", source.name if source else "the embedded data set (data/README.md tells how to use FER2013)")
    seconds = run_notebooks(in_place=arguments.in_place, folder=config.BUILD_DIR / "notebooks")
    new = [path for path in folder.glob("*.png") if path.stat().st_mtime >= start]
    where = "in place" if arguments.in_place else "to build/notebooks/"
    print(f"{len(seconds)} notebooks executed {where}, {len(new)} figures in {folder.relative_to(config.PROJECT_DIR)}/")


def download(arguments):
    """Fetch FER2013 from Kaggle into data/."""
    from ferlib.data import download_faces

    print(f"FER2013 is in {download_faces().name}/")


def convert(arguments):
    """Turn a csv into class folders of PNG, or back."""
    from ferlib.data import convert_faces

    print(f"wrote {convert_faces(arguments.source, arguments.target)}")


def quality(arguments):
    """Count what is wrong with the data; with --csv, list every fault with row, reason and evidence."""
    from ferlib.cleaning import count_facts, count_faults, find_faults
    from ferlib.data import load_faces
    from ferlib.twins import find_near_duplicates
    from ferlib.witnesses import load_witnesses

    faces = load_faces(arguments.data)
    witnesses, near = load_witnesses(faces), find_near_duplicates(faces)
    faults = find_faults(faces, witnesses, near=near)
    print(witnesses.source, count_faults(faults).to_string(), sep="\n\n", end="\n\n")
    for fact, number in count_facts(faces, witnesses.votes, near).items():
        print(f"{f'{number:.1%}' if fact.startswith('share') else f'{number:,}':>6}  {fact}")
    if arguments.csv:
        faults.to_csv(arguments.csv, index=False)
        print(f"wrote {len(faults):,} faults to {arguments.csv}")


def train(arguments):
    """Train a network into a run folder; go on with an interrupted run; or train what the zoo lacks."""
    from ferlib.data import load_faces
    from ferlib.train import resume_run, train_zoo
    from ferlib.train import train as train_run

    if (arguments.model is not None) + (arguments.resume is not None) + arguments.zoo + arguments.cures != 1:
        raise ValueError("name a network, or an interrupted run with --resume, or --zoo, or --cures")
    faces = load_faces(arguments.data)
    options = {
        "time_limit": arguments.time_limit,
        "tensorboard": arguments.tensorboard,
        "precision": arguments.precision,
    }
    try:
        if arguments.zoo or arguments.cures:
            folder, runs = (
                (config.MODELS_DIR, config.ZOO) if arguments.zoo else (config.MODELS_DIR / "cures", config.CURE_RUNS)
            )
            print("whole runs:", ", ".join(train_zoo(faces, models_dir=folder, zoo=runs, **options)) or "none")
            return
        name = arguments.resume or arguments.run_name or arguments.model
        run_dir = config.MODELS_DIR / name
        if arguments.resume:
            whole = resume_run(run_dir, faces, **options)
        else:
            given = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(config.TrainConfig)[1:]}
            changes = {key: value for key, value in given.items() if value is not None}
            settings = dataclasses.replace(config.ZOO[arguments.model], **changes)
            whole = train_run(settings, faces, run_dir=run_dir, **options)
    except KeyboardInterrupt:
        print("\nstopped: the same with --resume RUN goes on from the last whole epoch", file=sys.stderr)
        raise
    if whole:
        print((run_dir / "card.md").read_text())
    else:
        print(f"time limit: `ferlib train --resume {name}` goes on")


def evaluate(arguments):
    """Print the scores of runs, from their committed probabilities."""
    from ferlib.compare import compare_runs
    from ferlib.results import format_comparison, write_results
    from ferlib.runs import list_runs, load_run

    if arguments.readme and arguments.runs:
        raise ValueError("--readme takes every run of models/: name none")
    names = arguments.runs or list_runs(config.MODELS_DIR)
    runs = [load_run(name, models_dir=config.MODELS_DIR) for name in names]
    table = compare_runs(runs)
    text = format_comparison(table).rename(index=lambda name: f"{name} (leaks)" if table["leaky"][name] else name)
    print(text.to_string())
    if arguments.readme:
        write_results(runs, readme=config.PROJECT_DIR / "README.md", models_dir=config.MODELS_DIR)
        print("wrote the results into README.md, and the cards")
    for run in runs:
        if arguments.data:
            _check_scores(run, arguments.data)
        if arguments.robustness:
            _write_robustness(run, arguments.data)
        if arguments.occlusion:
            _write_occlusion(run, arguments.data)
        if arguments.html:
            _write_report(run, arguments.data)


def _check_scores(run, source):
    from ferlib.compare import check_scores
    from ferlib.data import load_faces
    from ferlib.predict import load_predictor

    predictor = load_predictor(run.name, models_dir=config.MODELS_DIR)
    for usage, found in check_scores(run, predictor.predict_images, load_faces(source)).iterrows():
        verdict = "the same" if found["stored"] == found["anew"] else "NOT THE SAME"
        accuracies = f"accuracy {found['anew']:.4%}, stored {found['stored']:.4%}: {verdict}"
        otherwise = f"{found['read otherwise']:.0f} of {found['n']:,.0f} faces read otherwise"
        print(f"{run.name}, predicted anew on {usage}: {accuracies} ({otherwise})")


def _write_robustness(run, source):
    from ferlib.data import load_faces
    from ferlib.predict import load_predictor
    from ferlib.robustness import measure_robustness, pick_rows

    predictor = load_predictor(run.name, models_dir=config.MODELS_DIR)
    public_test = run.select_faces(load_faces(source), "PublicTest")
    faces = public_test.select(pick_rows(len(public_test)))
    table = measure_robustness(predictor.predict_images, faces.images, faces.labels)
    path = config.MODELS_DIR / run.name / "robustness.csv"
    table.to_csv(path, index=False, float_format="%.6f", lineterminator="\n")
    print(f"wrote models/{run.name}/robustness.csv ({len(faces):,} PublicTest faces)")


def _write_occlusion(run, source):
    import numpy as np

    from ferlib.data import load_faces
    from ferlib.explain import average_occlusion
    from ferlib.predict import load_predictor

    predictor = load_predictor(run.name, models_dir=config.MODELS_DIR)
    faces = run.select_faces(load_faces(source), "PublicTest")
    maps, means = average_occlusion(predictor.predict_images, faces.images, faces.labels, patch=8, step=4)
    path = config.MODELS_DIR / run.name / "occlusion.npz"
    np.savez_compressed(path, maps=maps.astype(np.float16), faces=means.astype(np.float16))
    print(f"wrote models/{run.name}/occlusion.npz (PublicTest)")


def _write_report(run, source):
    from ferlib.data import find_source, load_faces
    from ferlib.report import write_report

    at_hand = source or find_source()
    write_report(run, config.BUILD_DIR / f"{run.name}.html", faces=load_faces(source) if at_hand else None)
    shows = "shows faces of the data set: keep it on your machine" if at_hand else "without faces: no data set at hand"
    print(f"wrote build/{run.name}.html, {shows}")


def predict(arguments):
    """Read the faces of photos, folders and videos; annotated copies and tables go to a folder."""
    from ferlib.predict import load_predictor
    from ferlib.readings import find_files, read_files

    predictor, failed, folder = load_predictor(arguments.model), 0, Path(arguments.out)
    files = find_files(arguments.files)
    for path, rows, error in read_files(files, predictor, folder=folder, detector=arguments.detector):
        if error:
            failed += 1
            print(f"ferlib predict: {error}", file=sys.stderr)
        elif not rows:
            print(f"{path}: no face found")
        elif rows[0]["time"] is not None:
            print(f"{path}: persons: {len({row['face'] for row in rows})}, readings: {len(rows)}")
        for row in rows if not rows or rows[0]["time"] is None else ():
            likely = sorted(config.EMOTIONS, key=row.get, reverse=True)[:3]
            shares = ", ".join(f"{emotion} {row[emotion]:.0%}" for emotion in likely)
            print(f"{path}: face {row['face']} at {row['x']},{row['y']}: {row['answer']} ({shares})")
    if len(files) > failed:
        print(f"wrote {folder}/: annotated copies, predictions.csv, predictions.json")
    return int(failed > 0 or not files)


def camera(arguments):
    """Read the faces in front of the camera, in a window; q closes it."""
    from ferlib.predict import load_predictor
    from ferlib.window import show_camera

    show_camera(arguments.number, load_predictor(arguments.model))


def doctor(arguments):
    """Check Python, packages, data, models, camera and disk, with a cure for what is wrong."""
    from ferlib.doctor import check_all

    checks = check_all()
    for check in checks:
        print(f"{'ok   ' if check.ok else 'WRONG'} {check.name:9} {check.finding}")
        if check.cure:
            print(f"{'':15} cure: {check.cure}")
    return int(not all(check.ok for check in checks))


def _parser():
    parser = argparse.ArgumentParser(prog="ferlib", description="Facial expression recognition on FER2013.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")

    def add(function):
        verb = verbs.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        verb.set_defaults(run=function)
        return verb

    add(figures).add_argument("--in-place", action="store_true", help="overwrite the notebooks, ready to commit")
    add(download)
    verb = add(convert)
    verb.add_argument("source", help="any form of FER2013")
    verb.add_argument("target", help="a name ending in .csv, or a folder to make")
    verb = add(quality)
    verb.add_argument("--data", help="any form of FER2013; by default FERLIB_DATA, then data/")
    verb.add_argument("--csv", help="file to write all faults to")
    verb = add(train)
    verb.add_argument("model", nargs="?", choices=config.ZOO, help="a run of the zoo, whose settings apply")
    verb.add_argument("--resume", metavar="RUN", help="go on with an interrupted run, from its last whole epoch")
    verb.add_argument("--zoo", action="store_true", help="train what models/ still lacks, most needed first")
    verb.add_argument("--cures", action="store_true", help="train what models/cures/ lacks, for notebook 02")
    verb.add_argument("--time-limit", type=_seconds, help="stop in time, such as 9m, to be resumed later")
    verb.add_argument("--data", help="any form of FER2013; by default FERLIB_DATA, then data/")
    verb.add_argument("--run-name", help="folder in models/; by default the model's name")
    verb.add_argument("--tensorboard", metavar="FOLDER", help="write TensorBoard's logs there")
    verb.add_argument("--precision", help="float32 or mixed_bfloat16; by default what is faster on this machine")
    for field in dataclasses.fields(config.TrainConfig)[1:]:
        verb.add_argument(f"--{field.name.replace('_', '-')}", type=field.type, help="instead of the zoo's setting")
    verb = add(evaluate)
    verb.add_argument("runs", nargs="*", help="folders in models/; all by default")
    verb.add_argument("--readme", action="store_true", help="maintainers: write README's results and the runs' cards")
    verb.add_argument("--robustness", action="store_true", help="measure accuracy on spoilt faces into robustness.csv")
    verb.add_argument("--occlusion", action="store_true", help="measure where emotions are read into occlusion.npz")
    verb.add_argument("--html", action="store_true", help="write build/RUN.html, a report in one file")
    verb.add_argument("--data", help="predict anew on any form of FER2013; else FERLIB_DATA, then data/ where needed")
    verb = add(predict)
    verb.add_argument("files", nargs="+", metavar="photo|folder|video")
    verb.add_argument("--out", default="predictions", help="folder for what is written (default: %(default)s)")
    verb.add_argument("--detector", default="blazeface", help="blazeface, haar or mtcnn (default: %(default)s)")
    _add_model(verb)
    verb = add(camera)
    verb.add_argument("number", nargs="?", type=int, default=0, help="which camera (default: %(default)s)")
    _add_model(verb)
    add(doctor)
    return parser


def _add_model(verb):
    verb.add_argument("--model", default=config.DEMO_RUN, help="folder in models/ (default: %(default)s)")


def _seconds(text):
    """Seconds of a duration such as 90, 90s, 9m or 2h."""
    units = {"s": 1, "m": 60, "h": 3600}
    return float(text.rstrip("smh")) * units.get(text[-1:], 1)


if __name__ == "__main__":
    sys.exit(main())
