import dataclasses
import re
from html.parser import HTMLParser

import pytest

from ferlib.config import EMOTIONS
from ferlib.report import build_report, write_report
from ferlib.runs import load_run


@pytest.fixture
def run(trained_run):
    return load_run(trained_run.name, models_dir=trained_run.parent)


class Balance(HTMLParser):
    """Opened and closed tags must match."""

    def __init__(self, page):
        super().__init__()
        self.open, self.images = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.images.append(dict(attributes))
        elif tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_report_stands_alone(run):
    page = build_report(run)
    parsed = Balance(page)
    assert parsed.open == []
    assert len(parsed.images) >= 8
    assert all(image["src"].startswith("data:image/png;base64,") and image["alt"] for image in parsed.images)
    assert not re.search(r"(src|href)=.?http", page)
    assert str(run.evaluate("PrivateTest")) in page
    assert all(f"<th>{name}</th>" in page for name in EMOTIONS)
    assert "no faces, since the data set is not at hand" in page
    assert "FER+ votes" not in page  # drawn faces have none


def test_with_the_data_it_shows_faces(run, drawn_faces, tmp_path):
    write_report(run, tmp_path / "new" / "tiny.html", faces=drawn_faces)
    page = (tmp_path / "new" / "tiny.html").read_text(encoding="utf-8")
    assert "not at hand" not in page
    assert len(Balance(page).images) == len(Balance(build_report(run)).images) + 2


def test_a_run_on_fer2013_has_votes_and_robustness():
    run = load_run("mini_xception")
    page = build_report(run)
    assert "FER+ votes" in page and "How much can a picture go wrong?" in page
    assert "PrivateTest, without twins" in page


def test_a_report_escapes_and_warns(run):
    config = run.bundle["config"] | {"split": "leaky"}
    bundle = run.bundle | {"config": config, "machine": "<b>fast</b>", "multiply_adds": 1_000_000}
    page = build_report(dataclasses.replace(run, name="<i>", bundle=bundle))
    assert "<title>&lt;i&gt;</title>" in page and "&lt;b&gt;fast" in page and "<b>fast" not in page
    assert "1,000,000" in page
    assert "measure memory" in page
