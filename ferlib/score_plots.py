"""Scores of runs to Axes, with one colour per emotion."""

import numpy as np
import seaborn as sns

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.style import GREY, PALETTE, new_axes, percent_axis


def plot_confusion(confusion, *, ax=None):
    """Heat map of a confusion matrix in per cent of each row: of the faces labelled so, how many were read as what.

    Parameters
    ----------
    confusion : (7, 7) int array
        `Scores.confusion`.
    """
    ax = new_axes(ax, figsize=(6.5, 5.5))
    shares = 100 * confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    sns.heatmap(
        shares,
        annot=True,
        fmt=".0f",
        cmap="Blues",
        vmin=0,
        vmax=100,
        square=True,
        linewidths=0.5,
        xticklabels=EMOTIONS,
        yticklabels=[f"{name} ({n:,})" for name, n in zip(EMOTIONS, confusion.sum(1), strict=True)],
        cbar_kws={"label": "% of the row", "shrink": 0.8},
        ax=ax,
    )
    ax.set(xlabel="read as", ylabel="labelled (faces)")
    ax.tick_params(axis="x", rotation=45, length=0)
    ax.tick_params(axis="y", rotation=0, length=0)
    return ax


def plot_recall(scores, *, ax=None):
    """Recall of every emotion with its 95 % interval, and the accuracy as a line.

    Parameters
    ----------
    scores : Scores
    """
    ax, rows = new_axes(ax), np.arange(len(EMOTIONS))[::-1]
    for row, name, recall, (low, high) in zip(rows, EMOTIONS, scores.recall, scores.recall_intervals, strict=True):
        ax.plot([low, high], [row, row], color=EMOTION_COLORS[name], lw=3, solid_capstyle="round")
        ax.plot(recall, row, "o", color=EMOTION_COLORS[name], ms=9)
    ax.axvline(scores.accuracy, color=GREY, ls=":", label=f"accuracy {scores.accuracy:.1%}")
    ax.set(xlabel="recall, with its 95 % interval", xlim=(0, 1), yticks=rows)
    ax.set_yticklabels([f"{name} ({n:,})" for name, n in zip(EMOTIONS, scores.confusion.sum(1), strict=True)])
    percent_axis(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


def plot_calibration(labels, probabilities, *, bins=10, ax=None):
    """Reliability diagram: how often the network is right against how sure it is (bins of equally many faces).

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, 7) float
    """
    ax = new_axes(ax, figsize=(5, 5))
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    parts = np.array_split(np.argsort(confidence), bins)
    ax.plot([0, 1], [0, 1], color=GREY, ls=":", label="perfectly calibrated")
    ax.plot([confidence[part].mean() for part in parts], [right[part].mean() for part in parts], "o-", label="network")
    ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    percent_axis(ax.xaxis, ax.yaxis)
    ax.legend(loc="upper left")
    return ax


def plot_coverage(labels, probabilities, *, ax=None):
    """Accuracy on the faces of which the network is surest, against their share: what "not sure" would buy.

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, 7) float
    """
    ax = new_axes(ax)
    right = (probabilities.argmax(1) == labels)[np.argsort(-probabilities.max(1))]
    n = np.arange(1, len(right) + 1)
    shown = n >= len(right) / 50  # the mean of a handful of faces is noise
    ax.plot((n / len(right))[shown], (right.cumsum() / n)[shown])
    ax.axhline(right.mean(), color=GREY, ls=":", label=f"all faces: {right.mean():.1%}")
    ax.set(xlabel="share of faces answered, surest first", ylabel="accuracy on them", xlim=(0, 1))
    percent_axis(ax.xaxis, ax.yaxis)
    ax.legend(loc="upper right")
    return ax


def plot_runs(table, *, ax=None):
    """PrivateTest accuracy of runs with 95 % intervals, beside people and guessing.

    Parameters
    ----------
    table : pandas.DataFrame
        From `compare_runs`.
    """
    ax = new_axes(ax, figsize=(7.5, 1.6 + 0.5 * len(table)))
    rows = np.arange(len(table))[::-1]
    ax.axvspan(0.60, 0.70, color="#eeeeee", label="people: 65 ± 5 %")
    ax.axvline(1 / len(EMOTIONS), color=GREY, ls=":", label="guessing: 1 in 7")
    for row, (_, run) in zip(rows, table.iterrows(), strict=True):
        ax.plot([run["low"], run["high"]], [row, row], color=PALETTE[0], lw=3, solid_capstyle="round")
        ax.plot(run["PrivateTest"], row, "o", color=PALETTE[0], ms=9)
        score = run["PrivateTest"]
        ax.annotate(f"{score:.1%}", (score, row), (0, 9), textcoords="offset points", ha="center")
    names = [f"{name}\n{run['parameters']:,.0f} parameters" for name, run in table.iterrows()]
    ax.set(xlabel="PrivateTest accuracy, with its 95 % interval", xlim=(0, 1), ylim=(-0.6, len(table) - 0.3))
    ax.set_yticks(rows, names)
    percent_axis(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax
