"""Tables and cards for readers, made from the run folders."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from ferlib.data import TEST_SETS
from ferlib.evaluation._scores import format_interval
from ferlib.recipes import ZOO

CARD = Path(__file__).with_name("card.md")
LABEL_NAMES = {"fer2013": "FER2013", "ferplus": "FER+"}
MIRRORED = "Averaged with the predictions for the mirrored face"
NOT_EXPORTED = """
- Not exported, since TensorFlow was not installed where it was trained. `ferlib export {run.name}` adds the export, its
  time a face, and the score on PrivateTest if that is lacking."""


def format_comparison(table):
    """The table of `compare_runs` as texts: scores with their interval, costs in common units, "" where unknown."""
    cells = {"learned": table["labels"].map(LABEL_NAMES)}
    cells |= {name: [_cell(score, ".1%") for score in table[name]] for name in ("claim", "PublicTest")}
    for name in (*TEST_SETS, "ferplus"):
        bounds = zip(table[name], table[f"{name} low"], table[f"{name} high"], strict=True)
        cells[name.replace("_", " ").replace("ferplus", "FER+")] = [format_interval(*row) for row in bounds]
    cells["parameters"] = table["parameters"].map("{:,.0f}".format)
    cells["M multiply-adds"] = [_cell(value / 1e6, ".1f") for value in table["multiply_adds"]]
    cells["file, MB"] = [_cell(value / 1e6, ".1f") for value in table["file_bytes"]]
    cells["ms a face"] = [_cell(value, ".2f") for value in table["milliseconds"]]
    progress = table["epochs"].astype(str) + " of " + table["planned"].astype(str)
    progress += np.where(table["complete"] & (table["epochs"] < table["planned"]), ", stopped early", "")
    cells["epochs"] = progress + np.where(table["init_from"] == "none", "", " after " + table["init_from"])
    return pd.DataFrame(cells, index=table.index)


def format_recipes(table):
    """The table of `compare_recipes` as texts: claim, score with its interval or spread, points between, size."""
    scores = []
    for row in table.itertuples():
        score = format_interval(row.accuracy, row.low, row.high) if row.seeds == 1 else format_spread(row)
        scores.append(f"leaks: {score}" if row.leaky else score)
    cells = {"claim": [_cell(claim, ".1%") for claim in table["claim"]], "score": scores}
    bounds = zip(table["ferplus"], table["ferplus low"], table["ferplus high"], strict=True)
    cells["FER+"] = [format_interval(*row) for row in bounds]
    cells["points"] = [_cell(100 * points, "+.1f") for points in table["accuracy"] - table["claim"]]
    cells["deduplicated"] = [_cell(score, ".1%") for score in table["deduplicated"]]
    cells["size"] = [f"{count / 1e6:.2f} M" for count in table["parameters"]]
    cells["M multiply-adds"] = [f"{count / 1e6:.0f}" for count in table["multiply_adds"]]
    return pd.DataFrame(cells, index=table.index.rename("recipe"))


def format_labels(table):
    """The table of `compare_labels` as texts."""
    cells = {"learned": table["labels"].map(LABEL_NAMES)}
    for name, title in {"fer2013": "FER2013", "ferplus": "FER+", "deduplicated": "FER+, deduplicated"}.items():
        bounds = zip(table[name], table[f"{name} low"], table[f"{name} high"], strict=True)
        cells[title] = [format_interval(*row) for row in bounds]
    cells["prior corrected by"] = [f"{strength:.2f}" if strength else "" for strength in table["strength"]]
    for name in ("accuracy", "mean recall"):
        cells[f"clear faces: {name}"] = table[f"majority {name}"].map("{:.1%}".format)
    cells["calibration error"] = table["majority calibration error"].map("{:.3f}".format)
    return pd.DataFrame(cells, index=table.index)


def format_event(table):
    """A table of shares of an `EventReport` as texts: faces, share as counted, its interval by photo, corrected."""
    cells = {"faces": table["faces"].map("{:,}".format)}
    for title, share, bounds in (
        ("as counted", "raw", "raw"),
        ("by photo", "raw", "photo"),
        ("corrected", "corrected", "corrected"),
    ):
        rows = table[[share, f"{bounds} low", f"{bounds} high"]].to_numpy()
        cells[title] = ["" if np.isnan(row).any() else format_interval(*row) for row in rows]
    cells["by photo"] = [text.partition(" ")[2] for text in cells["by photo"]]
    return pd.DataFrame(cells, index=table.index)


def format_spread(row):
    """Mean and standard deviation over seeds as text, from a row with the columns accuracy, spread and seeds."""
    return f"{row.accuracy:.1%} ± {100 * row.spread:.1f} over {row.seeds:.0f} seeds"


def format_pairs(pairs):
    """The table of `compare_pairs` as texts, differences in points."""
    points = [_format_points(*row) for row in 100 * pairs[["difference", "low", "high"]].to_numpy()]
    names = [f"{first} - {second}" for first, second in pairs.index]
    faces = pairs[["only first", "only second"]].astype(str).to_dict("list")
    p = ["< 0.0001" if p < 0.0001 else f"{p:.4f}" for p in pairs["p, Holm"]]
    return pd.DataFrame({"points [95 % interval]": points, **faces, "p, Holm": p}, index=names)


def format_ensembles(table):
    """The table of `compare_ensembles` as texts: members, score and points against the first, with intervals."""
    cells = {"members": table["members"].map(", ".join), "PublicTest": table["PublicTest"].map("{:.1%}".format)}
    bounds = zip(table["accuracy"], table["low"], table["high"], strict=True)
    cells["PrivateTest"] = [format_interval(*row) for row in bounds]
    gains = 100 * table[["gain", "gain low", "gain high"]].astype(float)
    cells["points against the first"] = [_format_points(*row) for row in gains.to_numpy()]
    return pd.DataFrame(cells, index=table.index)


def format_students(table):
    """The table of `compare_students` as texts."""
    cells = {"teachers": table["teachers"].map(", ".join)}
    cells |= {name: table[name].map("{:.1%}".format) for name in ("best alone", "together", "student", "size")}
    return pd.DataFrame(cells, index=table.index)


def format_card(run, *, notes=()):
    """Text (Markdown) of a run's `card.md`: what it is, how it was trained, its scores with intervals, its limits.

    `notes` are sentences on what it is worth together with other runs.
    """
    config, metadata = run.config, run.metadata
    choice = f"Epoch and temperature ({metadata.temperature:.2f}) were chosen on PublicTest"
    protocol = (
        f"{choice}; PrivateTest {'was scored once' if 'PrivateTest' in run.probabilities else 'is not scored yet'}."
    )
    if run.leaky:
        protocol = "Faces of PublicTest and PrivateTest were among those trained on: these scores measure memory."
    sources = ", ".join(f"`{name}`" for name in config.sources)
    mirrored = (metadata.accuracy_with_mirror_image or {}).items()
    reached = ", ".join(f"{accuracy:.1%} on {split}" for split, accuracy in mirrored)
    tests = [("fer2013", test_set) for test_set in run.test_sets]
    tests += [("ferplus", test_set) for test_set in run.test_sets[:2]] if len(tests) > 1 else []
    rows = [_card_row(run, split, *test) for split in run.probabilities for test in tests]
    columns = ["split", "labels", "test set", "accuracy", "macro-F1", "calibration error", "n"]
    return CARD.read_text(encoding="utf-8").format(
        run=run,
        start="" if config.init_from == "none" else f" from the weights of `{config.init_from}`",
        settings=", ".join(f"{key} {value}" for key, value in dataclasses.asdict(config).items() if key != "model"),
        command=_train_command(run),
        before=f"; where `models/` lacks their networks, it first trains {sources}" if sources else "",
        protocol=protocol,
        not_exported="" if metadata.network else NOT_EXPORTED.format(run=run),
        scores=markdown_table(pd.DataFrame(rows, columns=columns).set_index("split")),
        mirrored=f"\n{MIRRORED}, {LABEL_NAMES[config.labels]}'s labels: {reached}.\n" if reached else "",
        notes="".join(f"\n{note}\n" for note in notes),
    )


def markdown_table(table):
    """A DataFrame of str as Markdown, its index first."""
    lines = [[table.index.name, *table.columns], ["---"] * (table.shape[1] + 1), *table.itertuples()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _train_command(run):
    """The command line for a run's settings: the nearest of the zoo, and what differs from it."""
    settings = dataclasses.asdict(run.config).items()
    plans = {name: dataclasses.asdict(plan).items() for name, plan in ZOO.items() if plan.model == run.config.model}
    name = min(plans, key=lambda name: len(settings - plans[name]))
    options = dict(pair for pair in settings if pair not in plans[name])
    options |= {"run_name": run.name} if run.name != name else {}
    return " ".join(["ferlib train", name, *(f"--{key.replace('_', '-')} {value}" for key, value in options.items())])


def _card_row(run, split, labels, test_set):
    scores = run.evaluate(split, test_set, labels=labels)
    accuracy = format_interval(scores.accuracy, *scores.interval)
    others = f"{scores.macro_f1:.3f}", f"{scores.calibration_error:.3f}", f"{scores.n:,}"
    return split, LABEL_NAMES[labels], test_set.replace("_", " "), accuracy, *others


def _format_points(points, low, high):
    return f"{points:+.1f} [{low:+.1f}, {high:+.1f}]"


def _cell(value, form):
    return "" if np.isnan(value) else format(value, form)
