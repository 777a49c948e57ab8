import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from ferlib import plots
from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.evaluation import Correction, event_report

pytestmark = pytest.mark.usefixtures("styled_figures")


@pytest.fixture(scope="module")
def report():
    """Of 120 faces in 40 photos of three groups, one of them with a name that must not be taken for HTML."""
    rng = np.random.default_rng(0)
    weights = np.vstack([np.eye(7), np.zeros((1, 7))])
    correction = Correction("compact", "", "fer2013", 0.7, np.array([weights] * 9))
    faces = pd.DataFrame(rng.dirichlet(np.ones(7), 120).astype(np.float32), columns=list(EMOTIONS))
    photo = np.arange(120) // 3
    told = {"file": [f"{n}.jpg" for n in photo], "group": np.array(["hall", "<b>bar", "exit"])[photo % 3]}
    told |= {"taken": pd.Timestamp("2026-05-01 20:00") + pd.to_timedelta(3 * photo, unit="min"), "second": np.nan}
    faces = faces.assign(**told, width=96, abstained=False, model="compact", version="")
    files = faces.groupby("file", as_index=False).agg(faces=("file", "size")).assign(rejected="")
    return event_report(faces, files, correction=correction)


def test_counted_and_corrected_shares_stand_side_by_side(report):
    ax = plots.plot_mood(report.shares)
    corrected = ax.collections[-1]
    assert list(corrected.get_offsets()[:, 0]) == list(report.shares["corrected"])
    assert [to_hex(color).upper() for color in corrected.get_facecolors()] == list(EMOTION_COLORS.values())
    assert [text.get_text() for text in ax.get_legend().texts] == ["as counted", "corrected"]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(EMOTIONS)


def test_times_are_bars_with_their_intervals_and_their_faces(report):
    axes = plots.plot_mood_by_time(report.by_time)
    times = report.by_time["faces"].groupby(level=0).sum()
    assert [ax.get_title(loc="left") for ax in axes] == list(EMOTIONS)
    assert [label.get_text() for label in axes[-1].get_xticklabels()] == [f"{t} ({n})" for t, n in times.items()]
    happy = report.by_time.xs("happy", level="emotion")
    assert [bar.get_height() for bar in axes[3].patches] == happy["corrected"].to_list()
    assert {to_hex(bar.get_facecolor()).upper() for bar in axes[3].patches} == {EMOTION_COLORS["happy"]}
    assert len({ax.get_ylim() for ax in axes}) == 1


def test_the_page_begins_with_its_use_and_needs_nothing_else(report, tmp_path):
    plots.write_event_report(report, tmp_path / "out" / "page.html")
    page = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<(style|title).*?</\1>|<[^>]*>", "", page, flags=re.S)).strip()
    assert text.startswith(report.NOTICE)
    assert report.summary in text
    assert not re.search(r"<script|<link|href=|url\(|https?:", page)
    assert re.findall(r'src="([^,]+)', page) == ["data:image/svg+xml;base64"] * 3
    assert "<b>bar" not in page and "&lt;b&gt;bar" in page


def test_a_page_of_one_group_tells_of_none(report, tmp_path):
    from dataclasses import replace

    whole = report.by_group.loc[["hall"]]
    plots.write_event_report(replace(report, by_group=whole, by_time=whole), tmp_path / "page.html")
    assert "By group" not in (tmp_path / "page.html").read_text(encoding="utf-8")
