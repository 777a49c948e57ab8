import dataclasses
import re

import pytest

from ferlib.recipes import ZOO
from tools.write_results import FAMOUS_MARKS, README_MARKS, format_results, write_readme_table, write_results


def changed(run, name, config=None, **metadata):
    metadata = dataclasses.replace(run.metadata, config=config or run.config, **metadata)
    return dataclasses.replace(run, name=name, metadata=metadata)


def rows(markdown):
    """Cells by the name in the first."""
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines() if line.startswith("|")]
    return {re.sub(r"\[(.*)\]\(.*", r"\1", first): others for first, *others in table[2:]}


def test_the_readme_has_a_row_a_recipe_and_five_columns(run):
    plans = {name: plan for name, plan in ZOO.items() if "_seed" not in name and plan.labels == "fer2013"}
    runs = [changed(run, name, plan, epochs_done=plan.epochs) for name, plan in plans.items()]
    table = rows(write_readme_table(runs))
    assert len(table) == 9 and all(len(cells) == 4 for cells in table.values())
    low, high = run.evaluate().interval
    assert table["oversampled"][:2] == ["81.1%", f"{run.accuracy():.1%} [{low:.1%}, {high:.1%}]"]
    assert table["oversampled, leaky"][1] == f"**leaks:** {table['oversampled'][1]}"


def test_a_run_that_is_under_way_is_left_out_of_the_readme(run):
    short = dataclasses.replace(ZOO["augmented"], epochs=12)
    runs = [changed(run, "augmented", short, epochs_done=12), changed(run, "attention", ZOO["attention"])]
    assert list(rows(write_readme_table(runs))) == ["attention"]  # stopped early


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
    assert rows(write_readme_table(runs))["micro"][1] == f"{run.accuracy():.1%} ± 0.0 over 3 seeds"
    assert f"- `micro`: {run.accuracy():.1%} ± 0.0 over 3 seeds" in format_results(runs)


def test_the_full_table_has_a_row_a_run_and_marks_leaks(run):
    leaky = changed(run, "leaky", dataclasses.replace(run.config, split_protocol="leaky"))
    text = format_results([leaky, run])
    assert list(rows(text)) == [run.name, "leaky"]
    assert "[leaky](leaky/card.md), **leaks: not comparable** |" in text


def test_results_are_written_between_their_marks(run, tmp_path):
    readme, full = tmp_path / "README.md", tmp_path / "models" / "README.md"
    runs = [changed(run, name, ZOO[name], epochs_done=35) for name in ("oversampled", "oversampled_leaky")]
    for path in (readme, *(full.parent / name / "card.md" for name in ("oversampled", "oversampled_leaky"))):
        path.parent.mkdir(parents=True, exist_ok=True)
    (start, end), (famous, over) = README_MARKS, FAMOUS_MARKS
    readme.write_text(f"before\n{famous}{over}.\n\n{start}\nold\n{end}\n\nafter\n")
    full.write_text(f"before\n\n{start}\nold\n{end}\n\nafter\n")
    for _ in range(2):
        write_results(runs, readme=readme, models_dir=full.parent)
    leaky, without = f"{run.history['val_accuracy'].max():.0%}", f"{run.accuracy():.0%}"
    said = f"before\n{famous}81% claimed, {leaky} with the leak, {without} without{over}.\n\n"
    assert readme.read_text() == f"{said}{start}\n\n{write_readme_table(runs)}\n\n{end}\n\nafter\n"
    assert full.read_text() == f"before\n\n{start}\n\n{format_results(runs)}\n\n{end}\n\nafter\n"
    assert (full.parent / "oversampled" / "card.md").read_text().startswith("# oversampled")


def test_a_readme_without_marks_is_left_alone(run, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# nothing")
    with pytest.raises(ValueError, match=r"README\.md lacks <!-- results"):
        write_results([run], readme=readme, models_dir=tmp_path)
    assert readme.read_text() == "# nothing"
