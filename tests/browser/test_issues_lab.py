"""The issue browser as a reader meets it: JupyterLab in Chromium, keyboard included."""

import nbformat
import pandas as pd
import pytest
from lab import SCREENSHOTS, run_notebook, serve_lab
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

pytestmark = pytest.mark.browser

SOURCE = """
from ferlib.data import load_faces
from ferlib.quality import find_duplicates, find_poor_images
from ferlib.widgets import IssueBrowser
import pandas as pd
faces = load_faces("embedded")
copies = find_duplicates(faces)
columns = ["row", "label", "split", "issue", "reason", "score"]
issues = pd.concat([copies[columns], find_poor_images(faces)], ignore_index=True)
IssueBrowser(faces, issues, page_size=12)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the notebook stands, and where it writes its csv."""
    folder = tmp_path_factory.mktemp("issues")
    (folder / "notebooks").mkdir()
    notebook = new_notebook(cells=[new_code_cell(SOURCE.strip()), new_markdown_cell("Below.")])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "notebooks" / "issues.ipynb")
    return folder


@pytest.fixture(scope="module")
def page(chromium, folder):
    """The notebook after "Run All Cells", with the first page of issues."""
    with (
        serve_lab(folder, "issues.ipynb", FERLIB_PROFILE="tiny") as address,
        run_notebook(chromium, address, height=1000) as page,
    ):
        page.locator(".ferlib-issue").first.wait_for()
        page.locator(".ferlib-issues").scroll_into_view_if_needed()
        yield page


def rows(page, state=""):
    cards = page.locator(f".ferlib-issue{state}")
    return [int(row) for row in cards.evaluate_all("cards => cards.map(card => card.dataset.row)")]


def chosen(page):
    return rows(page, "[aria-pressed=true]")


def focused(page):
    return int(page.evaluate("document.activeElement.dataset.row ?? -1"))


def wait_for_text(page, text):
    page.wait_for_function("text => document.querySelector('.ferlib-status').textContent.includes(text)", arg=text)


def test_the_first_page_shows_faces_with_row_label_and_reason(page):
    page.screenshot(path=SCREENSHOTS / "lab_issues.png")
    assert len(rows(page)) == 12
    text = page.locator(".ferlib-issue").first.inner_text()
    assert f"{rows(page)[0]}: " in text and "one of 2 copies" in text
    assert page.locator(".ferlib-issue img").first.evaluate("image => image.naturalWidth") == 48


def test_the_keyboard_moves_chooses_and_turns_the_page(page):
    wait_for_text(page, "page 1 of ")
    first = rows(page)
    page.locator(".ferlib-issue").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert focused(page) == first[1]
    page.keyboard.press("Space")
    wait_for_text(page, "1 chosen")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    wait_for_text(page, "2 chosen")
    assert chosen(page) == first[1:3]
    page.keyboard.press("ArrowDown")
    below = focused(page)
    page.keyboard.press("ArrowUp")
    assert focused(page) == first[2] != below
    page.keyboard.press("End")
    assert focused(page) == first[-1]
    page.keyboard.press("PageDown")
    wait_for_text(page, "page 2 of ")
    assert not set(rows(page)) & set(first)
    assert focused(page) == rows(page)[0]
    page.keyboard.press("PageUp")
    wait_for_text(page, "page 1 of ")
    assert chosen(page) == first[1:3]
    page.screenshot(path=SCREENSHOTS / "lab_issues_chosen.png")


def test_issue_class_and_split_are_chosen_with_the_keyboard_too(page):
    page.locator("select[name=issue]").focus()
    page.keyboard.type("text")
    wait_for_text(page, "page 1 of ")
    page.get_by_text("thin strokes").first.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.type("happy")
    page.wait_for_function(
        "[...document.querySelectorAll('.ferlib-issue strong')].every(title => title.textContent.includes('happy'))"
    )
    page.locator("select[name=issue]").select_option("blank")
    page.locator("select[name=split]").select_option("PrivateTest")
    wait_for_text(page, "0 faces, page 1 of 1, 2 chosen")
    assert page.get_by_role("button", name="next page").is_disabled()


def test_chosen_rows_are_exported_to_a_csv(page, folder):
    page.get_by_role("button", name="Export csv").focus()
    page.keyboard.press("Enter")
    wait_for_text(page, "2 rows written to issues.csv")
    written = pd.read_csv(folder / "notebooks" / "issues.csv")
    assert written["row"].nunique() == 2
    assert "exact duplicate" in set(written["issue"])


def test_the_keys_are_not_taken_for_jupyterlabs_own(page):
    # "x" cuts a cell, "a" makes one, "y" and "m" change its kind, arrow down leaves it
    page.locator(".jp-CodeCell .jp-InputPrompt").click()
    for place in ("select[name=label]", ".ferlib-issues .ferlib-button:not(:disabled)", ".ferlib-issue"):
        page.locator("select[name=issue]").select_option("exact duplicate")
        page.locator(".ferlib-issue").first.wait_for()
        page.locator(place).first.focus()
        for key in ("a", "x", "m", "y", "ArrowDown"):
            page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == 2
    assert page.locator(".jp-Cell.jp-mod-active .ferlib-issues").count() == 1
