"""The README keeps its word."""

import re

import pytest

from ferlib.config import NOTEBOOKS_DIR, PROJECT_DIR
from ferlib.notebooks import list_notebooks
from ferlib.runs import list_runs, load_run

README = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list_runs())
def test_scores_are_those_of_the_run_folders(name):
    run = load_run(name)
    public, private = run.evaluate("PublicTest"), run.evaluate("PrivateTest")
    low, high = private.interval
    row = (
        f"| [{name}](models/{name}/card.md) | {run.bundle['parameters']:,} | {run.bundle['epochs_done']} "
        f"| {public.accuracy:.1%} | {private.accuracy:.1%} [{low:.1%}, {high:.1%}] |"
    )
    assert row in README


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(link):
    assert (PROJECT_DIR / link).exists()


def test_every_notebook_is_listed_with_its_question():
    for path in list_notebooks():
        assert f"(notebooks/{path.name})" in README
    assert len(list(NOTEBOOKS_DIR.glob("*.ipynb"))) == 5


@pytest.mark.parametrize("command", re.findall(r"^make (\w+)", README, flags=re.M))
def test_commands_are_targets_of_the_makefile(command):
    assert re.search(rf"^{command}:", (PROJECT_DIR / "Makefile").read_text(), flags=re.M)
