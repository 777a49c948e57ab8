"""Write the results of all runs into README.md, models/README.md and the runs' cards: python -m tools.write_results"""

import numpy as np
import pandas as pd

from ferlib._atomic import whole_or_nothing
from ferlib.config import MODELS_DIR, PROJECT_DIR
from ferlib.evaluation import (
    average_seeds,
    compare_runs,
    format_card,
    format_comparison,
    format_interval,
    group_seeds,
    list_runs,
    load_run,
    markdown_table,
)

README_MARKS = ("<!-- results: written by `python -m tools.write_results` -->", "<!-- end of results -->")
README_RUNS = "simple oversampled mini_xception augmented attention micro compact best oversampled_leaky".split()


def write_results(runs, *, readme=PROJECT_DIR / "README.md", models_dir=MODELS_DIR):
    """Write the results between the two marks of the README and of `models/README.md`, and every run's card.

    Parameters
    ----------
    runs : list of Run
    readme, models_dir : Path

    Raises
    ------
    ValueError
        If one of the two lacks a mark; nothing is written then.
    """
    texts, (start, end) = {}, README_MARKS
    for path, write in ((readme, format_recipes), (models_dir / "README.md", format_results)):
        before, found, rest = path.read_text(encoding="utf-8").partition(start)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"{path.name} lacks the line {start} or, below it, {end}: put both back")
        texts[path] = f"{before}{start}\n\n{write(runs)}\n\n{end}{after}"
    texts |= {models_dir / run.name / "card.md": format_card(run) for run in runs}
    for path, text in texts.items():
        with whole_or_nothing(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")


def format_recipes(runs):
    """The README's results as Markdown, narrow enough for a telephone: a row a recipe of `README_RUNS`, at most nine.

    Seeds of a recipe stand together as their mean; a run of fewer epochs than its recipe asks for has no score yet;
    recipes that are not among the runs are left out.
    """
    best_seed = {run.name: group[0].name for group in group_seeds(runs) for run in group}
    comparison, means, rows = compare_runs(runs), average_seeds(runs), []
    for name in [name for name in README_RUNS if name in comparison.index]:
        row = comparison.loc[name]
        score = format_interval(*row[["published", "published low", "published high"]])
        if best_seed[name] in means.index:
            score = _mean(*means.loc[best_seed[name]])
        if not row["complete"]:
            score = f"under way: {_progress(row)}"
        elif row["leaky"]:
            score = f"**leaks:** {score}"
        link = f"[{name.replace('_leaky', ', leaky')}](models/{name}/card.md)"  # a narrow screen can break it
        claim = "" if np.isnan(row["claim"]) else f"{row['claim']:.1%}"
        rows.append((link, claim, score, f"{row['parameters'] / 1e6:.2f} M"))
    table = pd.DataFrame(rows, columns=["recipe", "claim", "score", "size"]).set_index("recipe")
    return markdown_table(table)


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
    seeds = [f"- `{name}`: {_mean(*row)}" for name, row in means.iterrows()]
    under_way = [f"- `{name}`: {_progress(row)}" for name, row in short.iterrows()]
    parts = [markdown_table(text), "PrivateTest, mean ± standard deviation in points:", "\n".join(seeds)]
    if under_way:
        parts += ["Under way, and not compared before they are as long as their recipes:", "\n".join(under_way)]
    return "\n\n".join(parts)


def _progress(row):
    return f"{row['epochs']} of {row['planned']} epochs" + (", not scored" if np.isnan(row["published"]) else "")


def _mean(seeds, mean, spread):
    return f"{mean:.1%} ± {100 * spread:.1f} over {seeds:.0f} seeds"


if __name__ == "__main__":
    write_results([load_run(name) for name in list_runs()])
