"""Faces, counts and probabilities to Axes, with one colour per emotion."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.style import GREY, PALETTE, new_axes, percent_axis


def plot_class_counts(counts, *, ax=None):
    """Bars of the class counts, commonest emotion on top, each with its number and share.

    Parameters
    ----------
    counts : pandas.Series
        From `count_labels`.
    """
    ax, counts = new_axes(ax), counts.sort_values()
    bars = ax.barh(counts.index, counts, color=[EMOTION_COLORS[name] for name in counts.index])
    ax.bar_label(bars, [f" {count:,}  ({count / counts.sum():.1%})" for count in counts], color=GREY)
    ax.set(xlabel="faces", xlim=(0, counts.max() * 1.25))
    ax.tick_params(axis="y", length=0)
    return ax


def plot_by_emotion(table, *, label, percent=True, ax=None):
    """Grouped bars: emotions along the axis, one bar a column of the table.

    Parameters
    ----------
    table : pandas.DataFrame
        Indexed by emotion; shares if `percent`.
    label : str
        Of the value axis.
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
    """Curve of how many faces each threshold would call suspects; the rule's own is marked.

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


def plot_answers(images, answers, *, columns=4, ax=None):
    """A contact sheet of what a network answered: each face with its label, what it was read as, and seven bars.

    Parameters
    ----------
    images : (N, 48, 48) uint8
    answers : pandas.DataFrame
        N rows, from `find_confident_errors` or `find_doubtful_hits`.
    """
    width, height, bars = 104, 66, range(len(EMOTIONS))
    rows = -(-len(images) // columns)
    ax = new_axes(ax, figsize=(2.3 * columns, 1.5 * rows + 0.4))
    for number, (image, (row, answer)) in enumerate(zip(images, answers.iterrows(), strict=True)):
        left, top = number % columns * width, number // columns * height
        ax.imshow(image, extent=(left, left + 48, top + 48, top), cmap="gray", vmin=0, vmax=255)
        shares = answer[list(EMOTIONS)].to_numpy(float)
        places = [top + 3.5 + 7 * bar for bar in bars]
        ax.barh(places, 40 * shares, 6, left + 51, color=[EMOTION_COLORS[name] for name in EMOTIONS])
        told = (
            answer["label"] if answer["label"] == answer["read as"] else f"{answer['label']}, read {answer['read as']}"
        )
        ax.text(left, top - 2, f"{row}: {told} {shares.max():.0%}", fontsize=8, color="black", va="bottom")
    ax.set(xlim=(-2, columns * width), ylim=(rows * height - 8, -14))
    handles = [plt.Rectangle((0, 0), 1, 1, color=EMOTION_COLORS[name]) for name in EMOTIONS]
    ax.legend(handles, EMOTIONS, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=7, fontsize=9, columnspacing=1)
    ax.set_axis_off()
    return ax


def plot_maps(maps, faces, *, label="probability lost when covered", ax=None):
    """Seven mean faces, red where a map of its emotion is high.

    Parameters
    ----------
    maps, faces : (7, 48, 48) float
        From `average_occlusion`, or mean maps of `grad_cam` and mean faces.
    label : str
        What the maps tell; shares.
    """
    ax, (columns, size) = new_axes(ax, figsize=(8.5, 4.4)), (4, 60)
    maps, highest = np.maximum(np.nan_to_num(maps), 0), max(np.nanmax(maps), 0.01)
    grey = dict(cmap="gray", vmin=np.nanmin(faces), vmax=np.nanmax(faces))
    for number, (name, seen, face) in enumerate(zip(EMOTIONS, maps, faces, strict=True)):
        left, top = number % columns * size, number // columns * size
        extent = (left, left + 48, top + 48, top)
        ax.imshow(face, extent=extent, **grey)
        image = ax.imshow(seen, extent=extent, cmap="Reds", vmin=0, vmax=highest, alpha=0.8 * (seen / highest) ** 0.5)
        ax.text(left, top - 2, name, va="bottom")
    ax.set(xlim=(-2, columns * size - 8), ylim=(2 * size - 10, -10))
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, label=label, ticks=MaxNLocator(5, steps=[1, 2, 5]))
    percent_axis(bar.ax.yaxis)
    ax.set_axis_off()
    return ax


def plot_probabilities(probabilities, *, ax=None):
    """Bars of one face's seven probabilities.

    Parameters
    ----------
    probabilities : (7,) float
    """
    ax = new_axes(ax, figsize=(5, 3))
    places = range(len(EMOTIONS))
    bars = ax.barh(places, probabilities, color=[EMOTION_COLORS[name] for name in EMOTIONS])
    ax.set_yticks(places, EMOTIONS)
    ax.bar_label(bars, [f" {p:.0%}" for p in probabilities], color=GREY)
    ax.invert_yaxis()
    ax.set(xlabel="probability", xlim=(0, 1.1))
    percent_axis(ax.xaxis)
    ax.tick_params(axis="y", length=0)
    return ax
