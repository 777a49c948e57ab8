"""Scores of one run to Axes, with one colour per emotion."""

import numpy as np
import seaborn as sns

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.style import GREY, PALETTE, new_axes, percent_axis


def plot_confusion(confusion, *, names=EMOTIONS, ax=None):
    """Heat map of a confusion matrix: how many faces labelled so were read as what, and their per cent of the row.

    Parameters
    ----------
    confusion : (K, K) int array
        `Scores.confusion`.
    names : sequence of K str
        `Scores.names`.
    """
    names, size = list(names), 3 + 0.6 * len(names)
    ax = new_axes(ax, figsize=(size + 1, size))
    shares = 100 * confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    cells = np.array([f"{share:.0f}%\n{n:,}" for share, n in zip(shares.flat, confusion.flat, strict=True)])
    sns.heatmap(
        shares,
        annot=cells.reshape(confusion.shape),
        fmt="",
        annot_kws={"fontsize": 10},
        cmap="Blues",
        vmin=0,
        vmax=100,
        square=True,
        linewidths=0.5,
        xticklabels=names,
        yticklabels=[f"{name} ({n:,})" for name, n in zip(names, confusion.sum(1), strict=True)],
        cbar_kws={"label": "% of the row", "shrink": 0.8},
        ax=ax,
    )
    ax.set(xlabel="read as", ylabel="labelled (faces)")
    ax.tick_params(axis="x", rotation=45, length=0)
    ax.tick_params(axis="y", rotation=0, length=0)
    return ax


def plot_recall(scores, *, ax=None):
    """Recall, precision and F1 of every emotion with their 95 % intervals, and the accuracy as a line.

    Parameters
    ----------
    scores : Scores
        Of the seven emotions.
    """
    ax, rows = new_axes(ax, figsize=(7, 5.5)), np.arange(len(EMOTIONS))[::-1]
    for shift, name, mark in ((0.25, "recall", "o"), (0, "precision", "s"), (-0.25, "f1", "D")):
        values, intervals = getattr(scores, name), scores.intervals[name]
        for row, emotion, value, interval in zip(rows, EMOTIONS, values, intervals, strict=True):
            color = EMOTION_COLORS[emotion]
            ax.plot(interval, [row + shift] * 2, color=color, lw=2.5, solid_capstyle="round")
            ax.plot(value, row + shift, mark, color=color, ms=7)
        ax.plot([], [], mark, color=GREY, ms=7, label={"f1": "F1"}.get(name, name))
    ax.axvline(scores.accuracy, color=GREY, ls=":", label=f"accuracy {scores.accuracy:.1%}")
    ax.set(xlabel="score, with its 95 % interval", xlim=(0, 1), yticks=rows)
    ax.set_yticklabels([f"{name} ({n:,})" for name, n in zip(EMOTIONS, scores.confusion.sum(1), strict=True)])
    percent_axis(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, columnspacing=1, handletextpad=0.4)
    return ax


def plot_roc(labels, probabilities, *, ax=None):
    """ROC curve of every emotion against the six others: what finding more of it costs in false alarms.

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, 7) float
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    ax = new_axes(ax, figsize=(5.5, 5))
    ax.plot([0, 1], [0, 1], color=GREY, ls=":", lw=1)
    for label, name, is_it in _each_emotion(labels):
        false_alarms, found, _ = roc_curve(is_it, probabilities[:, label])
        area = roc_auc_score(is_it, probabilities[:, label])
        ax.plot(false_alarms, found, color=EMOTION_COLORS[name], label=f"{name} {area:.2f}")
    ax.set(xlabel="false alarms: share of the other faces", ylabel="found: share of its faces", aspect="equal")
    percent_axis(ax.xaxis, ax.yaxis)
    ax.legend(title="area under curve", loc="lower right")
    return ax


def plot_precision_recall(labels, probabilities, *, ax=None):
    """Precision against recall of every emotion; dots mark its share of the faces, which is guessing's precision.

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, 7) float
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    ax = new_axes(ax, figsize=(7, 4.5))
    for label, name, is_it in _each_emotion(labels):
        precision, recall, _ = precision_recall_curve(is_it, probabilities[:, label])
        mean = average_precision_score(is_it, probabilities[:, label])
        shown = recall > 0.02  # precision of a handful of faces is noise
        ax.plot(recall[shown], precision[shown], color=EMOTION_COLORS[name], label=f"{name} {mean:.2f}")
        ax.plot(1, is_it.mean(), "o", color=EMOTION_COLORS[name], ms=5, clip_on=False)
    ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    percent_axis(ax.xaxis, ax.yaxis)
    ax.legend(title="average precision", loc="center left", bbox_to_anchor=(1.02, 0.5))
    return ax


def plot_calibration(labels, *probabilities, names=("network",), bins=10, ax=None):
    """Reliability diagram: how often a network is right against how sure it is (bins of equally many faces).

    Parameters
    ----------
    labels : (N,) int64
    *probabilities : (N, 7) float
        One or several, such as before and after temperature scaling.
    names : sequence of str
        One for each of the probabilities.
    """
    ax = new_axes(ax, figsize=(5, 5))
    ax.plot([0, 1], [0, 1], color=GREY, ls=":", label="perfectly calibrated")
    # orange first: what was wrong; blue last, on top: what it is now
    for color, name, each in zip(PALETTE[len(probabilities) - 1 :: -1], names, probabilities, strict=True):
        confidence, right = each.max(1), each.argmax(1) == labels
        parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
        points = [(confidence[part].mean(), right[part].mean()) for part in parts]
        ax.plot(*np.transpose(points), "o-", color=color, label=name)
    ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    percent_axis(ax.xaxis, ax.yaxis)
    ax.legend(loc="upper left")
    return ax


def plot_coverage(table, *, ax=None):
    """Accuracy on the faces of which the network is surest, against their share: what "not sure" would buy.

    Parameters
    ----------
    table : pandas.DataFrame
        From `score_coverage`.
    """
    ax = new_axes(ax)
    ax.fill_between(table.index, table["low"], table["high"], color=PALETTE[0], alpha=0.2, lw=0, label="95 % interval")
    ax.plot(table.index, table["accuracy"], "o-", color=PALETTE[0])
    everyone = table["accuracy"].iloc[table.index.argmax()]
    ax.axhline(everyone, color=GREY, ls=":", label=f"all faces: {everyone:.1%}")
    ax.set(xlabel="share of faces answered, surest first", ylabel="accuracy on them", xlim=(0, 1))
    percent_axis(ax.xaxis, ax.yaxis)
    ax.legend(loc="upper right")
    return ax


def plot_votes(table, *, ax=None):
    """With whom FER+'s voters side, as shares of the network's hits and of its errors.

    Parameters
    ----------
    table : pandas.DataFrame
        From `compare_with_votes`.
    """
    ax, left = new_axes(ax, figsize=(8, 2.8)), np.zeros(len(table))
    shares = table.div(table.sum(axis=1), axis=0)[::-1]
    for color, name in zip(("#0072B2", "#D55E00", "#CC79A7", "#bbbbbb"), shares, strict=True):
        bars = ax.barh(shares.index, shares[name], left=left, color=color, edgecolor="white", label=name)
        text_color = "black" if name == "no majority" else "white"
        ax.bar_label(
            bars, [f"{x:.0%}" if x > 0.04 else "" for x in shares[name]], label_type="center", color=text_color
        )
        left += shares[name].to_numpy()
    ax.set_yticks(
        shares.index, [f"{name} ({n:,})" for name, n in zip(shares.index, table.sum(axis=1)[::-1], strict=True)]
    )
    ax.set(xlabel="share of the faces", xlim=(0, 1))
    percent_axis(ax.xaxis)
    ax.tick_params(axis="y", length=0)
    ax.legend(title="most voters saw", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    return ax


def _each_emotion(labels):
    """Label, name and (N,) bool of the emotions that have faces and are not all of them."""
    for label, name in enumerate(EMOTIONS):
        is_it = labels == label
        if 0 < is_it.sum() < len(labels):
            yield label, name, is_it
