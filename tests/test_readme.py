"""The README keeps its word."""

import re

import pytest

from ferlib.config import NOTEBOOKS_DIR, PROJECT_DIR
from ferlib.evaluation import list_runs, load_run
from tools.write_results import FAMOUS_MARKS, README_MARKS, format_famous, format_results, write_readme_table

README = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "marks", "write"),
    [
        ("README.md", README_MARKS, write_readme_table),
        ("README.md", FAMOUS_MARKS, format_famous),
        ("models/README.md", README_MARKS, format_results),
    ],
)
def test_results_are_those_of_the_run_folders(path, marks, write):
    start, end = marks
    written = (PROJECT_DIR / path).read_text(encoding="utf-8").partition(start)[2].partition(end)[0].strip()
    assert written == write([load_run(name) for name in list_runs()]), "run `python -m tools.write_results`"


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(link):
    assert (PROJECT_DIR / link).exists()


def test_every_notebook_is_listed_with_its_question():
    notebooks = sorted(NOTEBOOKS_DIR.glob("*.ipynb"))
    assert len(notebooks) >= 5
    assert all(f"(notebooks/{path.name})" in README for path in notebooks)


@pytest.mark.parametrize("command", re.findall(r"^make (\w+)", README, flags=re.M))
def test_commands_are_targets_of_the_makefile(command):
    assert re.search(rf"^{command}:", (PROJECT_DIR / "Makefile").read_text(), flags=re.M)
