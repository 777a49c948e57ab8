"""Plots and the page of an event's report.

Tables are those of an `EventReport`.
"""

import base64
import io
from html import escape
from pathlib import Path
from string import Template

import matplotlib.pyplot as plt
import numpy as np

from ferlib._atomic import whole_or_nothing
from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.evaluation import format_event
from ferlib.inference import READINGS
from ferlib.plots._style import GREY, new_axes, percent_axis

PAGE = Path(__file__).with_name("event.html")
MOST_PARTS = 12
"""Groups that a page shows: the largest."""


def plot_mood(shares, *, ax=None):
    """Shares of the emotions, as counted (hollow) and corrected, with their intervals."""
    ax, rows = new_axes(ax, figsize=(4.6, 4)), np.arange(len(EMOTIONS))[::-1]
    colors = [EMOTION_COLORS[emotion] for emotion in EMOTIONS]
    ax.hlines(rows + 0.2, shares["raw low"], shares["raw high"], color=GREY, lw=1)
    ax.plot(shares["raw"], rows + 0.2, "o", color=GREY, mfc="white", ms=6, label="as counted")
    ax.hlines(rows - 0.15, shares["corrected low"], shares["corrected high"], color=colors, lw=3)
    ax.scatter(shares["corrected"], rows - 0.15, s=49, color=colors)
    ax.plot([], [], "o", color=GREY, label="corrected")
    ax.set(xlabel="share of the faces, with its interval", xlim=(0, None))
    ax.set_yticks(rows, EMOTIONS)
    ax.tick_params(axis="y", length=0)
    percent_axis(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=2)
    return ax


def plot_mood_by_time(table):
    """Corrected shares by time of day, or by group, with their intervals: a row of bars an emotion, on one scale.

    Returns
    -------
    (7,) array of Axes
    """
    parts = table.index.unique(0)
    figure, axes = plt.subplots(len(EMOTIONS), 1, figsize=(max(4.6, 1.6 + 0.4 * len(parts)), 7.6), sharex=True)
    figure.supylabel("corrected share of the faces", fontsize=11)
    places, top = np.arange(len(parts)), table["corrected high"].max()
    for ax, emotion in zip(axes, EMOTIONS, strict=True):
        shares = table.xs(emotion, level=1).loc[parts]
        ax.bar(places, shares["corrected"], width=0.8, color=EMOTION_COLORS[emotion])
        ax.vlines(places, shares["corrected low"], shares["corrected high"], color="black", lw=1.2)
        ax.set_title(emotion, fontsize=10, pad=2)
        ax.set(ylim=(0, 1.05 * top), xlim=(-0.6, len(parts) - 0.4))
        ax.tick_params(axis="x", length=0)
        ax.locator_params(axis="y", nbins=2)
        percent_axis(ax.yaxis)
    faces = table["faces"].groupby(level=0).sum()
    names = [part if len(part) <= 24 else f"…{part[-23:]}" for part in parts]
    labels = [f"{name} ({faces[part]:,})" for name, part in zip(names, parts, strict=True)]
    axes[-1].set_xticks(places, labels, rotation=90, fontsize=9)
    axes[-1].set_xlabel(f"{table.index.names[0]} (faces)")
    return axes


def write_event_report(report, path):
    """Write an `EventReport` as one HTML page, which needs nothing else and can be read on a phone.

    Its first line says what such counts may be used for. Of more than twelve groups it shows the largest.
    """
    faces = report.by_group["faces"].groupby(level=0, sort=False).sum()
    largest = [group for group in faces.index if group in faces.nlargest(MOST_PARTS).index]
    facts = report.facts.assign(
        count=report.facts["count"].map("{:,}".format), share=report.facts["share"].map(_percent)
    )
    texts = {"notice": report.NOTICE, "summary": report.summary, "level": _percent(report.level)}
    texts |= {"reading": READINGS[report.correction.labels], "accuracy": _percent(report.correction.accuracy)}
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(
        {name: escape(text) for name, text in texts.items()},
        mood=_picture(plot_mood(report.shares).figure, "Shares of the emotions; the table has the numbers"),
        shares=_table(format_event(report.shares)),
        by_time=_section("By time of day", report.by_time),
        by_group=_section("By group of files", report.by_group.loc[largest]),
        facts=_table(facts),
    )
    with whole_or_nothing(Path(path)) as target:
        target.write_text(page, encoding="utf-8")


def _percent(share):
    return f"{share:.0%}"


def _section(title, table):
    """A heading, a figure, and its numbers to unfold; nothing if there is only one part, which is the whole."""
    if len(table) == len(EMOTIONS):
        return ""
    picture = _picture(
        plot_mood_by_time(table)[0].figure, f"{title}: shares of the emotions; the table has the numbers"
    )
    numbers = _table(format_event(table).drop(columns="by photo"))
    return f"<h2>{title}</h2>{picture}<details><summary>The numbers</summary>{numbers}</details>"


def _picture(figure, alt):
    """An img element that holds a figure, which is closed."""
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    plt.close(figure)
    source = base64.b64encode(content.getvalue()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{source}">'


def _table(table):
    """A table element; intervals are short, and stay in one line (by a word joiner)."""
    html = table.to_html(border=0, index_names=False).replace("%, ", "–&#8288;")
    return f'<div class="table">{html}</div>'
