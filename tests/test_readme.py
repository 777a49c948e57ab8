"""The README keeps its word."""

import re

import pytest

from ferlib.config import NOTEBOOKS_DIR, PROJECT_DIR
from ferlib.notebooks import list_notebooks
from ferlib.results import README_MARKS, format_results
from ferlib.runs import list_runs, load_run

README = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")


def test_results_are_those_of_the_run_folders():
    start, end = README_MARKS
    written = README.partition(start)[2].partition(end)[0].strip()
    assert written == format_results([load_run(name) for name in list_runs()]), "run `ferlib evaluate --readme`"


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
