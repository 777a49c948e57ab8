import dataclasses
import re

import pytest

from ferlib.recipes import ZOO
from tools.write_results import README_MARKS, format_recipes, format_results, write_results


def changed(run, name, config=None, **metadata):
    metadata = dataclasses.replace(run.metadata, config=config or run.config, **metadata)
    return dataclasses.replace(run, name=name, metadata=metadata)


def rows(markdown):
    """Cells by the name in the first."""
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines() if line.startswith("|")]
    return {re.sub(r"\[(.*)\]\(.*", r"\1", first): others for first, *others in table[2:]}


def test_the_readme_has_a_row_a_recipe_and_four_columns(run):
    runs = [changed(run, name, plan, epochs_done=plan.epochs) for name, plan in ZOO.items()]
    table = rows(format_recipes(runs))
    assert len(table) == 9 and all(len(cells) == 3 for cells in table.values())
    low, high = run.evaluate().interval
    assert table["oversampled"][:2] == ["81.1%", f"{run.accuracy():.1%} [{low:.1%}, {high:.1%}]"]
    assert table["oversampled, leaky"][1] == f"**leaks:** {table['oversampled'][1]}"


def test_a_run_that_is_under_way_has_no_score_in_the_readme(run):
    short = dataclasses.replace(ZOO["augmented"], epochs=12)
    runs = [changed(run, "augmented", short, epochs_done=12), changed(run, "attention", ZOO["attention"])]
    table = rows(format_recipes(runs))
    assert table["augmented"][:2] == ["66.0%", "under way: 12 of 60 epochs"]
    assert table["attention"][1].startswith(f"{run.accuracy():.1%} [")  # stopped early


def test_the_full_table_lists_what_is_under_way_without_a_score(run):
    short = changed(run, "augmented", dataclasses.replace(ZOO["augmented"], epochs=12), epochs_done=12)
    text = format_results([short, run])
    assert list(rows(text)) == [run.name]
    assert text.endswith("as long as their recipes:\n\n- `augmented`: 12 of 60 epochs")


def test_seeds_of_a_recipe_are_one_row(run):
    runs = [
        changed(run, name, dataclasses.replace(ZOO["micro"], seed=seed), epochs_done=75)
        for seed, name in enumerate(("micro", "micro_seed1", "micro_seed2"))
    ]
    assert rows(format_recipes(runs))["micro"][1] == f"{run.accuracy():.1%} ± 0.0 over 3 seeds"
    assert f"- `micro`: {run.accuracy():.1%} ± 0.0 over 3 seeds" in format_results(runs)


def test_the_full_table_has_a_row_a_run_and_marks_leaks(run):
    leaky = changed(run, "leaky", dataclasses.replace(run.config, split_protocol="leaky"))
    text = format_results([leaky, run])
    assert list(rows(text)) == [run.name, "leaky"]
    assert "[leaky](leaky/card.md), **leaks: not comparable** |" in text


def test_results_are_written_between_their_marks(run, tmp_path):
    readme, full, (start, end) = tmp_path / "README.md", tmp_path / "models" / "README.md", README_MARKS
    (full.parent / run.name).mkdir(parents=True)
    for path in (readme, full):
        path.write_text(f"before\n\n{start}\nold\n{end}\n\nafter\n")
    for _ in range(2):
        write_results([run], readme=readme, models_dir=full.parent)
    assert readme.read_text() == f"before\n\n{start}\n\n{format_recipes([run])}\n\n{end}\n\nafter\n"
    assert full.read_text() == f"before\n\n{start}\n\n{format_results([run])}\n\n{end}\n\nafter\n"
    assert (full.parent / run.name / "card.md").read_text().startswith(f"# {run.name}")


def test_a_readme_without_marks_is_left_alone(run, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# nothing")
    with pytest.raises(ValueError, match=r"README\.md lacks the line <!-- results"):
        write_results([run], readme=readme, models_dir=tmp_path)
    assert readme.read_text() == "# nothing"
