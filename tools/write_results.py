"""Write the results of all runs into README.md, models/README.md and the runs' cards: python -m tools.write_results"""

import textwrap

import numpy as np
import pandas as pd

from ferlib._atomic import whole_or_nothing
from ferlib.config import MODELS_DIR, PROJECT_DIR
from ferlib.evaluation import (
    CLAIMS,
    average_seeds,
    compare_ensembles,
    compare_recipes,
    compare_runs,
    compare_students,
    format_card,
    format_comparison,
    format_ensembles,
    format_interval,
    format_recipes,
    format_spread,
    list_runs,
    load_run,
    markdown_table,
)

README_MARKS = ("<!-- results: written by `python -m tools.write_results` -->", "<!-- end of results -->")
FAMOUS_MARKS = ("<!-- famous -->", "<!-- end -->")


def write_results(runs, *, readme=PROJECT_DIR / "README.md", models_dir=MODELS_DIR):
    """Write the results between the marks of the README and of `models/README.md`, and every run's card.

    Parameters
    ----------
    runs : list of Run
    readme, models_dir : Path

    Raises
    ------
    ValueError
        If one of the two lacks a mark; nothing is written then.
    """
    table, full = (f"\n\n{text}\n\n" for text in (write_readme_table(runs), format_results(runs)))
    short = readme.read_text(encoding="utf-8")
    short = _replace(_replace(short, README_MARKS, table, readme), FAMOUS_MARKS, format_famous(runs), readme)
    path = models_dir / "README.md"
    texts = {readme: short, path: _replace(path.read_text(encoding="utf-8"), README_MARKS, full, path)}
    texts |= {models_dir / name / "card.md": card for name, card in format_cards(runs).items()}
    for path, text in texts.items():
        with whole_or_nothing(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")


def _replace(text, marks, new, path):
    before, found, rest = text.partition(marks[0])
    _, closed, after = rest.partition(marks[1])
    if not (found and closed):
        raise ValueError(f"{path.name} lacks {marks[0]} or, after it, {marks[1]}: put both back")
    return f"{before}{marks[0]}{new}{marks[1]}{after}"


def write_readme_table(runs):
    """The README's results as Markdown, narrow enough for a telephone."""
    text = format_recipes(compare_recipes(runs))[["claim", "score", "FER+", "size"]]
    text = text.rename(columns={"score": "FER2013"}).replace("leaks:", "**leaks:**", regex=True)
    links = [f"[{name.replace('_leaky', ', leaky')}](models/{name}/card.md)" for name in text.index]  # can be broken
    return f"{markdown_table(text.set_axis(pd.Index(links, name='recipe')))}\n\n{format_together(runs)}".strip()


def format_together(runs):
    """What several networks are worth together, and `micro` beside its teachers, in sentences."""
    kinds = {"never met": "networks that never learned from one another", "any": "the best of all"}
    parts, students, seeds = [], compare_students(runs), average_seeds(runs)
    for kind, row in format_ensembles(compare_ensembles(runs)).iterrows():
        first, *others = row["members"].split(", ")
        if others:
            gain = f"{row['points against the first']} points against `{first}` alone"
            parts.append(f"Averaged, {kinds[kind]} ({_join([first, *others])}) have {row['PrivateTest']}, {gain}.")
    if "micro" in students.index and "micro" in seeds.index:
        row = students.loc["micro"]
        teachers = f"its teachers {_join(row['teachers'])} have {row['together']:.1%} together"
        kept = format_spread(next(seeds.loc[["micro"]].itertuples()))
        parts.append(f"`micro` has {kept} where {teachers}, with {row['size']:.0%} of their parameters.")
    return textwrap.fill(" ".join(parts), 118)


def format_cards(runs):
    """Every run's card by its name, with what it is worth among networks that it never met, and as a student."""
    notes, ensembles = {run.name: [] for run in runs}, compare_ensembles(runs)
    for row in ensembles[ensembles.index == "never met"].itertuples():
        for name in row.members if len(row.members) > 1 else ():
            others = _join(other for other in row.members if other != name)
            score = format_interval(row.accuracy, row.low, row.high)
            notes[name].append(f"Averaged with {others}, which it never met: {score} on PrivateTest.")
    for name, row in compare_students(runs).iterrows():
        notes[name].append(
            f"Its teachers {_join(row['teachers'])} have {row['together']:.1%} together on PrivateTest, "
            f"the best of them alone {row['best alone']:.1%}; "
            f"it has {row['student']:.1%}, with {row['size']:.0%} of their parameters."
        )
    return {run.name: format_card(run, notes=[textwrap.fill(note, 118) for note in notes[run.name]]) for run in runs}


def _join(names):
    *first, last = (f"`{name}`" for name in names)
    return f"{', '.join(first)} and {last}" if first else last


def format_famous(runs):
    """What the famous 81 % are worth, in a few words; nothing if the two runs that tell it are not there."""
    by_name = {run.name: run for run in runs}
    if not {"oversampled", "oversampled_leaky"} <= by_name.keys():
        return ""
    leaky, without = by_name["oversampled_leaky"].history["val_accuracy"].max(), by_name["oversampled"].accuracy()
    return f"{CLAIMS['oversampled'][0]:.0%} claimed, {leaky:.0%} with the leak, {without:.0%} without"


def format_results(runs):
    """The results of `models/README.md` as Markdown: a row a run, those that leak last, and means over seeds.

    A run of fewer epochs than its recipe asks for is not compared.
    """
    table = compare_runs(runs)
    short, table = table[~table["complete"]], table[table["complete"]]
    text = format_comparison(table).rename(columns={"published": "PrivateTest"})
    leaks = np.where(table["leaky"], ", **leaks: not comparable**", "")
    text.index = ("[" + table.index + "](" + table.index + "/card.md)" + leaks).rename("run")
    means = average_seeds([run for run in runs if run.name in table.index])
    seeds = [f"- `{row.Index}`: {format_spread(row)}" for row in means.itertuples()]
    under_way = [f"- `{name}`: {_progress(row)}" for name, row in short.iterrows()]
    parts = [markdown_table(text), "PrivateTest, mean ± standard deviation in points:", "\n".join(seeds)]
    if under_way:
        parts += ["Under way, and not compared before they are as long as their recipes:", "\n".join(under_way)]
    return "\n\n".join(parts)


def _progress(row):
    return f"{row['epochs']} of {row['planned']} epochs" + (", not scored" if np.isnan(row["published"]) else "")


if __name__ == "__main__":
    write_results([load_run(name) for name in list_runs()])
