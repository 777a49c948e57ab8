"""`ferlib <verb>`: a thin door to the library; every import happens inside the verb that needs it."""

import argparse
import dataclasses
import importlib.util
import os
import re
import sys
import warnings
from contextlib import suppress
from itertools import count
from pathlib import Path

from ferlib import config, recipes

SETTINGS = {field.name: field.type for field in dataclasses.fields(recipes.TrainConfig)[1:]}
"""Settings of a training run that options may change: every one but the network."""


def main(argv=None):
    """Run a verb; errors that a user can mend end with their sentence and exit code 1, Ctrl-C with 130."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # of streams that are no terminal or file
            stream.reconfigure(errors="backslashreplace")  # a file's name may be in any script
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # they are for programmers
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except ModuleNotFoundError as error:
        message = (
            f"the package {error.name} is not installed: pip install 'ferlib[notebooks]' brings all that is needed"
        )
    except (ValueError, OSError, RuntimeError) as error:
        message = error
    except KeyboardInterrupt as interrupt:
        print(f"\nferlib {arguments.verb}: stopped{interrupt}", file=sys.stderr, flush=True)
        if argv is None:  # as a program: threads that are still at work would write on
            os._exit(130)
        return 130
    print(f"ferlib {arguments.verb}: {message}", file=sys.stderr)
    return 1


def figures(arguments):
    """Execute the notebooks, writing executed copies to build/ and figures to figures/."""
    from ferlib._notebooks import run_notebooks
    from ferlib.data import find_source

    source = find_source()
    print("data:", source.name if source else "the embedded data set (data/README.md tells how to use FER2013)")
    run_notebooks(in_place=arguments.in_place, folder=config.BUILD_DIR / "notebooks")
    where = "in place" if arguments.in_place else "to build/notebooks/"
    print(f"notebooks executed {where}, figures in figures/{'' if source else 'sample/ and figures/'}")


def download(arguments):
    """Fetch FER2013 from Kaggle into data/."""
    from ferlib.data import download_faces

    print(f"FER2013 is in {download_faces().name}/")


def convert(arguments):
    """Turn any form of FER2013 into a csv, an .npz or class folders of PNG."""
    from ferlib.data import convert_faces

    print(f"wrote {convert_faces(arguments.source, arguments.target)}")


def quality(arguments):
    """Count what is wrong with the data; with --csv, list every issue with row, reason and score."""
    from ferlib.data import load_faces, load_ferplus
    from ferlib.quality import count_facts, count_issues, find_gaps, find_issues, find_near_duplicates

    faces = load_faces(arguments.data)
    ferplus, near = load_ferplus(faces), find_near_duplicates(faces)
    issues = find_issues(faces, ferplus, near=near)
    counts = count_issues(issues).to_string() if len(issues) else "no issue"
    print(ferplus.source, counts, sep="\n\n", end="\n\n")
    for fact, number in count_facts(faces, ferplus.votes, near).items():
        shown = "-" if number != number else f"{number:.1%}" if fact.startswith("share") else f"{number:,}"
        print(f"{shown:>6}  {fact}")
    print(*find_gaps(faces, ferplus), sep="\n")
    if arguments.csv:
        issues.to_csv(arguments.csv, index=False)
        print(f"wrote {len(issues):,} issues to {arguments.csv}")


def train(arguments):
    """Train a network into a run folder; go on with an interrupted run; or train what models/ lacks."""
    from ferlib.data import load_faces
    from ferlib.training import resume_run, train_zoo
    from ferlib.training import train as train_run

    if (arguments.model is not None) + (arguments.resume is not None) + arguments.zoo + arguments.balancing != 1:
        raise ValueError("name a network, or an interrupted run with --resume, or --zoo, or --balancing")
    if arguments.jobs != 1 and (not (arguments.zoo or arguments.balancing) or arguments.tensorboard):
        raise ValueError("--jobs goes with --zoo or --balancing, without --tensorboard")
    if arguments.jobs < 1:
        raise ValueError(f"--jobs {arguments.jobs}: expected 1 or more")
    faces = load_faces(arguments.data)
    options = {name: getattr(arguments, name) for name in ("time_limit", "tensorboard", "precision")}
    if arguments.zoo:
        options |= {"models_dir": config.MODELS_DIR, "zoo": recipes.ZOO, "jobs": arguments.jobs}
    elif arguments.balancing:
        folder = config.MODELS_DIR / "balancing"
        options |= {"models_dir": folder, "zoo": recipes.BALANCING_RUNS, "jobs": arguments.jobs}
    else:
        name = arguments.resume or arguments.run_name or _free_name(arguments.model)
        run_dir = config.MODELS_DIR / name
    try:
        if "zoo" in options:
            print("whole runs:", ", ".join(train_zoo(faces, **options)) or "none")
            return
        if arguments.resume:
            whole = resume_run(run_dir, faces, **options)
        else:
            given = {name: getattr(arguments, name) for name in SETTINGS}
            changes = {name: value for name, value in given.items() if value is not None}
            settings = dataclasses.replace(recipes.ZOO[arguments.model], **changes)
            whole = train_run(settings, faces, run_dir=run_dir, **options)
    except KeyboardInterrupt:
        again = "the same command" if "zoo" in options else f"`ferlib train --resume {name}`"
        raise KeyboardInterrupt(f": {again} goes on from the last whole epoch") from None
    if whole:
        print((run_dir / "card.md").read_text(encoding="utf-8"))
    else:
        print(f"time limit: `ferlib train --resume {name}` goes on")


def _free_name(model):
    """A name for a new run, so that none that is there, or was interrupted, is lost."""
    for number in count(1):
        name = model if number == 1 else f"{model}_{number}"
        if not any((config.MODELS_DIR / folder).exists() for folder in (name, f"{name}.partial")):
            break
    if name != model:
        print(f"models/{model} is there already: training into models/{name} (--run-name chooses another name)")
    return name


def export(arguments):
    """Export a run that was trained without TensorFlow, and score it on PrivateTest if it was not."""
    from ferlib.data import load_faces
    from ferlib.training import export_run

    run_dir = export_run(config.MODELS_DIR / arguments.run_name, load_faces(arguments.data))
    print((run_dir / "card.md").read_text(encoding="utf-8"))


def evaluate(arguments):
    """Print the scores of runs, from their committed probabilities."""
    from ferlib.evaluation import compare_runs, format_comparison, list_runs, load_run

    if arguments.cross:
        return _evaluate_cross(arguments)
    names = arguments.runs or list_runs(config.MODELS_DIR)
    runs = [load_run(name, models_dir=config.MODELS_DIR) for name in names]
    table = compare_runs(runs)
    text = format_comparison(table).rename(index=lambda name: f"{name} (leaks)" if table["leaky"][name] else name)
    print(text.to_string(line_width=100))
    for run in runs:
        if arguments.data or arguments.robustness or arguments.occlusion:
            _predict_anew(run, arguments)
        if arguments.html:
            from ferlib._notebooks import export_report

            path = config.BUILD_DIR / f"{run.name}.html"
            export_report(run.name, path)
            print(f"wrote {path}; keep it on your machine if FER2013 is there: it then shows faces of the data set")


def _evaluate_cross(arguments):
    from ferlib.evaluation import evaluate as score
    from ferlib.evaluation import format_interval
    from ferlib.inference import load_predictor, predict_class_folders

    if not arguments.data:
        raise ValueError("--cross needs --data FOLDER, with a folder of pictures for each emotion")
    for name in arguments.runs or [config.DEMO_RUN]:
        predictor = load_predictor(name, models_dir=config.MODELS_DIR)
        labels, probabilities, found, rejected = predict_class_folders(arguments.data, predictor)
        print(*rejected, sep="\n", end="\n" if rejected else "", file=sys.stderr)
        shared = sorted(set(labels.tolist()))
        tests = {"all seven emotions": probabilities}
        if len(shared) < len(config.EMOTIONS):
            absent = [label for label in range(len(config.EMOTIONS)) if label not in shared]
            only = probabilities.copy()
            only[:, absent] = 0
            tests[f"the {len(shared)} that are there"] = only
        print(
            f"{name} on {arguments.data}: {len(labels):,} pictures, {found.sum():,} faces found and aligned, ", end=""
        )
        print(f"{(~found).sum():,} taken as they are, {len(rejected):,} not read; contempt is left out")
        for which, values in tests.items():
            scores = score(labels, values)
            print(f"  predicting {which}: accuracy {format_interval(scores.accuracy, *scores.interval)}")
            recalls = (f"{config.EMOTIONS[label]} {scores.recall[label]:.0%}" for label in shared)
            print(f"    of each emotion: {', '.join(recalls)}")


def _predict_anew(run, arguments):
    from ferlib.data import load_faces
    from ferlib.evaluation import check_scores, write_occlusion, write_robustness
    from ferlib.inference import load_predictor

    predict_images = load_predictor(run.name, models_dir=config.MODELS_DIR, logit_adjustment=0).predict_images
    faces = load_faces(arguments.data)
    for split, found in check_scores(run, predict_images, faces).iterrows() if arguments.data else ():
        verdict = "the same" if found["stored"] == found["anew"] else "NOT THE SAME"
        accuracies = f"accuracy {found['anew']:.4%}, stored {found['stored']:.4%}: {verdict}"
        changed = f"{found['changed']:.0f} of {found['n']:,.0f} faces predicted otherwise"
        print(f"{run.name}, predicted anew on {split}: {accuracies} ({changed})")
    for wanted, write in ((arguments.robustness, write_robustness), (arguments.occlusion, write_occlusion)):
        if wanted:
            path = write(run, predict_images, faces, models_dir=config.MODELS_DIR)
            print(f"wrote models/{run.name}/{path.name} (PublicTest)")


def predict(arguments):
    """Predict the faces of photos, folders and videos; annotated copies and tables go to a folder."""
    from ferlib.inference import find_files, load_predictor, predict_files

    predictor = load_predictor(arguments.model, logit_adjustment=arguments.rare_emotions)
    failed, folder = 0, Path(arguments.out)
    files, remarks = find_files(arguments.files, output=folder)
    print(*remarks, sep="\n", end="\n" if remarks else "", file=sys.stdout if files else sys.stderr)
    if not files:
        return 1
    plot_timeline = _plot_timeline if importlib.util.find_spec("matplotlib") else None
    try:
        for result in predict_files(files, predictor, folder=folder, plot_timeline=plot_timeline):
            _print_result(result)
            failed += result.error is not None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f": what was read so far is in {folder}/predictions.unfinished.csv") from None
    if len(files) > failed:
        print(f"wrote {folder}/: annotated copies, predictions.csv, predictions.json")
    return int(failed > 0)


def _print_result(result):
    path, rows = result.file, result.rows
    if result.error:
        print(f"ferlib predict: {result.error}", file=sys.stderr)
    elif not rows:
        print(f"{path}: no face found")
    if result.remark:
        print(f"ferlib predict: {result.remark}", file=sys.stderr)
    if rows and rows[0]["time"] is not None:
        print(f"{path}: persons: {result.persons}, predictions: {result.predictions}")
        return
    for row in rows:
        likely = sorted(config.EMOTIONS, key=row.get, reverse=True)[:3]
        shares = ", ".join(f"{emotion} {row[emotion]:.0%}" for emotion in likely)
        print(f"{path}: face {row['face']} at {row['x']},{row['y']}: {row['predicted']} ({shares})")


def _plot_timeline(rows):
    from ferlib.plots import plot_timeline, use_style

    use_style()
    return plot_timeline(rows)


def score(arguments):
    """Score the faces of photos and films into Parquet tables, from a folder to an archive; stopped, it goes on."""
    from ferlib.inference import score_files

    options = {name: getattr(arguments, name) for name in ("model", "jobs", "shard", "scheduler")}
    try:
        files, left, remarks = score_files(arguments.sources, folder=arguments.out, **options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(": the same command goes on") from None
    print(*remarks, sep="\n")
    rejected = (files["rejected"] != "").sum()
    counts = f"faces: {files['faces'].sum():,}, in photos and parts of films: {len(files):,}, not read: {rejected:,}"
    print(f"{arguments.out}/: {counts}{f'; chunks left to other shards: {left:,}' * bool(left)}")


def report(arguments):
    """Report an event from the tables of `ferlib score`: emotions counted, and corrected for the network's mistakes."""
    from ferlib.evaluation import event_report, fit_correction, format_event, load_run
    from ferlib.inference import load_scores

    faces, files = load_scores(arguments.folder)
    model = faces["model"].iloc[0] if len(faces) else config.DEMO_RUN
    told = event_report(faces, files, correction=fit_correction(load_run(model, models_dir=config.MODELS_DIR)))
    print(told, format_event(told.shares).to_string(), sep="\n\n")
    if arguments.html:
        from ferlib.plots import use_style, write_event_report

        use_style()
        write_event_report(told, arguments.html)
        print(f"\nwrote {arguments.html}")


def camera(arguments):
    """Predict the faces in front of the camera, in a window; q closes it."""
    from ferlib.inference import load_predictor
    from ferlib.widgets import show_camera

    show_camera(arguments.number, load_predictor(arguments.model, logit_adjustment=arguments.rare_emotions))


def doctor(arguments):
    """Check Python, packages, data, models, camera and disk, with a cure for what is wrong."""
    from ferlib._doctor import check_all

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
    verb.add_argument("target", help="a name ending in .csv or .npz, or a folder to make")
    verb = add(quality)
    verb.add_argument("--data", help="any form of FER2013; by default FERLIB_DATA, then data/")
    verb.add_argument("--csv", help="file to write all issues to")
    verb = add(train)
    verb.add_argument("model", nargs="?", choices=recipes.ZOO, help="a run of the zoo, whose settings apply")
    verb.add_argument("--resume", metavar="RUN", help="go on with an interrupted run, from its last whole epoch")
    verb.add_argument("--zoo", action="store_true", help="train what models/ still lacks, most needed first")
    verb.add_argument("--balancing", action="store_true", help="train what models/balancing/ lacks, for notebook 02")
    verb.add_argument("--jobs", type=int, default=1, help="how many to train side by side, with --zoo or --balancing")
    verb.add_argument("--time-limit", type=_seconds, help="stop in time, such as 9m, to be resumed later")
    verb.add_argument("--data", help="any form of FER2013; by default FERLIB_DATA, then data/")
    verb.add_argument("--run-name", help="folder in models/; by default the model's name, with a number if it is taken")
    verb.add_argument("--tensorboard", metavar="FOLDER", help="write TensorBoard's logs there")
    verb.add_argument("--precision", help="float32 or mixed_bfloat16; by default what is faster on this machine")
    for name, (meaning, choices) in _describe_settings().items():
        default = getattr(recipes.TrainConfig, name)
        told = dict(help=f"{meaning} (default: the recipe's, or {default})".strip(), choices=choices)
        metavar = None if choices else SETTINGS[name].__name__.upper()
        verb.add_argument(f"--{name.replace('_', '-')}", type=SETTINGS[name], metavar=metavar, **told)
    verb = add(export)
    verb.add_argument("run_name", metavar="RUN", help="a folder in models/")
    verb.add_argument("--data", help="any form of FER2013; by default FERLIB_DATA, then data/")
    verb = add(evaluate)
    verb.add_argument("runs", nargs="*", help="folders in models/; all by default")
    verb.add_argument(
        "--robustness", action="store_true", help="measure accuracy on corrupted faces into robustness.csv"
    )
    verb.add_argument("--occlusion", action="store_true", help="measure where predictions come from into occlusion.npz")
    verb.add_argument("--html", action="store_true", help="write build/RUN.html: notebook 04 of this run, without code")
    verb.add_argument("--data", help="predict anew on any form of FER2013; else FERLIB_DATA, then data/ where needed")
    verb.add_argument("--cross", action="store_true", help="--data is other people's: photos or faces in class folders")
    verb = add(predict)
    verb.add_argument("files", nargs="+", metavar="photo|folder|video")
    verb.add_argument("--out", default="predictions", help="folder for what is written (default: %(default)s)")
    _add_model(verb)
    _add_rare_emotions(verb)
    verb = add(score)
    verb.add_argument("sources", nargs="+", metavar="photo|folder|film")
    verb.add_argument("--out", required=True, metavar="FOLDER", help="where the tables go, and how much is done")
    verb.add_argument("--jobs", type=int, help="processes, of one core each (default: one a core, four at most)")
    verb.add_argument("--shard", type=_shard, default=(1, 1), metavar="3/40", help="score the third of forty shares")
    verb.add_argument("--scheduler", metavar="tcp://...", help="score on this Dask cluster instead")
    _add_model(verb)
    verb = add(report)
    verb.add_argument("folder", help="what `ferlib score` wrote")
    verb.add_argument("--html", metavar="PAGE", help="file to write the report to: one page, to be mailed")
    verb = add(camera)
    verb.add_argument("number", nargs="?", type=int, default=0, help="which camera (default: %(default)s)")
    _add_model(verb)
    _add_rare_emotions(verb)
    add(doctor)
    return parser


def _describe_settings():
    """What `TrainConfig` says of each setting, and its values where it lists them: dict of (str, list or None)."""
    described = {name: ("", None) for name in SETTINGS}
    for names, kind, text in re.findall(r"^    (\w[\w, ]*) : (.+)\n((?: {8}.+\n)*)", recipes.TrainConfig.__doc__, re.M):
        choices = re.findall(r'"(\w+)"', kind) if kind.startswith("{") else None
        meaning = " ".join(text.split()).rstrip(".").replace("%", "%%")
        described |= {name: (meaning, choices) for name in names.split(", ") if name in SETTINGS}
    return described


def _add_model(verb):
    whose = "compact_camera and those ending in _ferplus answer as most people would say, others as FER2013's labels"
    verb.add_argument("--model", default=config.DEMO_RUN, help=f"folder in models/; {whose} (default: %(default)s)")


def _add_rare_emotions(verb):
    expected = "0: as common as in pictures from the web, as in a talk; 1: all seven emotions alike, as in acted faces"
    verb.add_argument("--rare-emotions", type=_share, metavar="0..1", help=f"{expected} (default: the model's)")


def _shard(text):
    part, parts = map(int, text.split("/"))
    return part, parts


def _share(text):
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 0 to 1")
    return float(text)


def _seconds(text):
    """Seconds of a duration such as 90, 90s, 9m or 2h."""
    units = {"s": 1, "m": 60, "h": 3600}
    return float(text.rstrip("smh")) * units.get(text[-1:], 1)


if __name__ == "__main__":
    sys.exit(main())
