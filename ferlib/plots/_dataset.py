"""Plots of a data set: class counts, shares by emotion, thresholds, contact sheets.

Functions draw into `ax`, or else into a new figure, and return the Axes.
"""

import numpy as np

from ferlib.config import EMOTION_COLORS
from ferlib.plots._style import GREY, PALETTE, new_axes, percent_axis


def plot_class_counts(counts, *, ax=None):
    """Bars of the class counts of `count_labels`, commonest emotion on top, each with its number and share."""
    ax, counts = new_axes(ax), counts.sort_values()
    bars = ax.barh(counts.index, counts, color=[EMOTION_COLORS[name] for name in counts.index])
    ax.bar_label(bars, [f" {count:,}  ({count / counts.sum():.1%})" for count in counts], color=GREY)
    ax.set(xlabel="faces", xlim=(0, counts.max() * 1.25))
    ax.tick_params(axis="y", length=0)
    return ax


def plot_by_emotion(table, *, label, percent=True, ax=None):
    """Grouped bars: emotions, which index the table, along the axis, one bar a column.

    `label` is that of the value axis; `percent` says that the values are shares.
    """
    ax = new_axes(ax, figsize=(8, 4))
    table.plot.bar(ax=ax, rot=0, width=0.8, color=PALETTE[: table.shape[1]], edgecolor="white")
    ax.set(xlabel="", ylabel=label)
    ax.tick_params(axis="x", length=0)
    if percent:
        percent_axis(ax.yaxis)
    ax.legend(title="", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=table.shape[1])
    return ax


def plot_threshold(scores, rule, *, most=0.03, ax=None):
    """Curve of how many faces each threshold would call an issue; the rule's own is marked.

    Parameters
    ----------
    scores : (N,) float
    rule : ferlib.quality.Rule
    most : float
        Share of the faces (0..1) at which the curve ends.
    """
    ax = new_axes(ax, figsize=(4, 3))
    scores = np.sort(scores)[:: -1 if rule.above else 1]
    found = np.arange(1, len(scores) + 1)
    chosen = int((scores > rule.threshold).sum() if rule.above else (scores < rule.threshold).sum())
    shown = max(int(most * len(scores)), 2 * chosen, 2)
    ax.step(scores[:shown], found[:shown], where="post", color=PALETTE[0])
    ax.axvline(rule.threshold, color=PALETTE[1], linestyle="--")
    # the curve begins at the lower left, so the number fits at the foot of the line
    place = dict(xycoords=ax.get_xaxis_transform(), textcoords="offset points", ha="left", va="bottom")
    ax.annotate(f"{chosen:,}", (rule.threshold, 0.04), (4, 0), color=PALETTE[1], **place)
    ax.set(xlabel=rule.score, ylabel="faces", yscale="log")
    if rule.above:
        ax.invert_xaxis()
    return ax


def plot_faces(images, *, titles=None, columns=7, ax=None):
    """A contact sheet.

    Parameters
    ----------
    images : (N, height, width) array
        Grey values 0..255.
    titles : list of N str, optional
        Written above the faces.
    """
    images = np.asarray(images)
    n, height, width = images.shape
    rows, gap, title_height = -(-n // columns), 4, 0 if titles is None else height // 4
    cell_height, cell_width = height + gap + title_height, width + gap
    sheet = np.full((rows * cell_height, columns * cell_width), 255, dtype=np.float32)
    ax = new_axes(ax, figsize=(1.3 * columns, 1.3 * rows * cell_height / cell_width))
    for i, image in enumerate(images):
        top, left = i // columns * cell_height + title_height, i % columns * cell_width
        sheet[top : top + height, left : left + width] = image
        if titles is not None:
            ax.text(left + width / 2, top - 2, titles[i], ha="center", va="bottom", fontsize=9, color=GREY)
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set_axis_off()
    return ax
