"""The README's results, written from the run folders."""

import numpy as np
import pandas as pd

from ferlib.compare import average_seeds, compare_runs
from ferlib.config import PROJECT_DIR
from ferlib.runs import format_card
from ferlib.testsets import TEST_SETS

README_MARKS = ("<!-- results: written by `ferlib evaluate --readme` -->", "<!-- end of results -->")


def format_comparison(table):
    """The table of `compare_runs` for readers: scores with their interval, costs in common units; "" where unknown.

    Parameters
    ----------
    table : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame of str
    """
    cells = {
        name.replace("_", " "): [
            _cell(row[name], ".1%") and f"{row[name]:.1%} [{row[f'{name} low']:.1%}, {row[f'{name} high']:.1%}]"
            for _, row in table.iterrows()
        ]
        for name in TEST_SETS
    }
    cells = {name: [_cell(score, ".1%") for score in table[name]] for name in ("claim", "PublicTest")} | cells
    for title, column, unit, form in (
        ("parameters", "parameters", 1, ",.0f"),
        ("M multiply-adds", "multiply_adds", 1e6, ".1f"),
        ("file, MB", "file_bytes", 1e6, ".1f"),
        ("ms a face", "milliseconds", 1, ".2f"),
    ):
        cells[title] = [_cell(value / unit, form) for value in table[column]]
    cells["epochs"] = [
        f"{done} of {planned}" + (f" after {start}" if start != "none" else "")
        for done, planned, start in zip(table["epochs"], table["planned"], table["start"], strict=True)
    ]
    return pd.DataFrame(cells, index=table.index)


def format_results(runs, *, folder="models"):
    """The README's results as Markdown: the honest runs, then those that leak, apart.

    Parameters
    ----------
    runs : list of Run
    folder : str
        Of the run folders, for the links.
    """
    table = compare_runs(runs)
    text = format_comparison(table).rename(columns={"published": "PrivateTest"})
    text.index = [f"[{name}]({folder}/{name}/card.md)" for name in table.index]
    parts = [_markdown(text[~table["leaky"].to_numpy()], head="run")]
    if table["leaky"].any():
        parts.append("Trained on faces of the test splits; it **leaks: not comparable** with the runs above:")
        parts.append(_markdown(text[table["leaky"].to_numpy()], head="leaky run"))
    for name, (seeds, mean, spread) in average_seeds(runs).iterrows():
        spread = f"standard deviation {100 * spread:.1f} points"
        parts.append(f"`{name}` over {seeds:.0f} seeds: {mean:.1%} of PrivateTest on average, {spread}.")
    if machines := sorted(set(table["machine"]) - {""}):
        parts.append(
            f"Milliseconds: LiteRT, one face at a time, one thread, where it was trained ({'; '.join(machines)})."
        )
    return "\n\n".join(parts)


def write_results(runs, *, readme=PROJECT_DIR / "README.md", models_dir=PROJECT_DIR / "models"):
    """Write the README's results between its two marks, and every run's card, from the run folders.

    Parameters
    ----------
    runs : list of Run
    readme, models_dir : Path

    Raises
    ------
    ValueError
        If the README lacks a mark.
    """
    text, (start, end) = readme.read_text(encoding="utf-8"), README_MARKS
    if start not in text or end not in text.partition(start)[2]:
        raise ValueError(f"{readme.name} lacks the line {start} or, below it, {end}: put both back")
    before, _, rest = text.partition(start)
    after = rest.partition(end)[2]
    readme.write_text(f"{before}{start}\n\n{format_results(runs)}\n\n{end}{after}", encoding="utf-8")
    for run in runs:
        (models_dir / run.name / "card.md").write_text(format_card(run), encoding="utf-8")


def _cell(value, form):
    return "" if np.isnan(value) else format(value, form)


def _markdown(table, *, head):
    lines = [[head, *table.columns], ["---"] * (table.shape[1] + 1)]
    lines += [[name, *row] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
