import numpy as np
import pandas as pd
import pytest

from ferlib.quality import find_duplicates, find_poor_images
from ferlib.widgets import IssueBrowser, browse_issues


@pytest.fixture
def issues(drawn_faces):
    copies = find_duplicates(drawn_faces)
    columns = ["row", "label", "split", "issue", "reason", "score"]
    return pd.concat([copies[columns], find_poor_images(drawn_faces)], ignore_index=True)


@pytest.fixture
def browser(drawn_faces, issues, tmp_path, monkeypatch):
    browser = IssueBrowser(drawn_faces, issues, csv=tmp_path / "issues.csv", page_size=5)
    sent = []
    monkeypatch.setattr(browser, "send", lambda content, buffers: sent.append((content, buffers)))
    browser.ask = lambda **message: (
        browser._receive(None, {"label": "all", "split": "all", "id": 1, **message}, []) or sent[-1]
    )
    return browser


def test_a_page_shows_the_worst_with_row_reason_and_picture(browser, issues):
    answer, pictures = browser.ask(kind="page", issue="exact duplicate", page=0)
    copies = issues[issues["issue"] == "exact duplicate"]
    assert answer["total"] == len(copies)
    assert answer["pages"] == -(-len(copies) // 5)
    assert [card["row"] for card in answer["cards"]] == list(copies["row"][:5])
    assert "copies" in answer["cards"][0]["text"]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_class_and_split_narrow_the_choice(browser, drawn_faces):
    answer, _ = browser.ask(kind="page", issue="exact duplicate", label="happy", split="Training", page=0)
    rows = np.array([card["row"] for card in answer["cards"]])
    assert len(rows)
    assert set(drawn_faces.labels[rows]) == {3}
    assert set(drawn_faces.split[rows]) == {"Training"}


def test_pages_end_where_the_issues_do(browser):
    last, _ = browser.ask(kind="page", issue="exact duplicate", page=1000)
    assert last["page"] == last["pages"] - 1
    assert 1 <= len(last["cards"]) <= 5
    nothing, _ = browser.ask(kind="page", issue="blank", label="disgust", page=0)
    assert (nothing["total"], nothing["cards"], nothing["pages"]) == (0, [], 1)


def test_chosen_rows_are_exported_with_all_their_issues(browser, issues, tmp_path):
    rows = issues["row"][:2].tolist()
    answer, _ = browser.ask(kind="export", chosen=rows)
    assert answer["text"] == "2 rows written to issues.csv"
    written = pd.read_csv(tmp_path / "issues.csv")
    assert set(written["row"]) == set(rows)
    assert len(written) == issues["row"].isin(rows).sum()


def test_a_csv_that_cannot_be_written_is_told(drawn_faces, issues, tmp_path, monkeypatch):
    browser = browse_issues(drawn_faces, issues, csv=tmp_path / "missing" / "issues.csv")
    monkeypatch.setattr(browser, "send", lambda content, buffers: told.append(content))
    told = []
    browser._receive(None, {"kind": "export", "chosen": [1], "id": 1}, [])
    assert told[0]["kind"] == "error" and "missing" in told[0]["text"]


def test_no_face_is_in_the_state_of_the_widget(browser):
    browser.ask(kind="page", issue="exact duplicate", page=0)
    assert not any(isinstance(value, bytes | memoryview) for value in browser.get_state().values())
    assert len(str(browser.get_state()["choices"])) < 1000
