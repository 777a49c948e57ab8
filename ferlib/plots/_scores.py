"""Plots of the scores and predictions of one run.

Labels are (N,) int64, probabilities (N, 7) float. Functions draw into `ax`, or else into a new figure, and return the
Axes.
"""

import numpy as np
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.inference import heat_alpha
from ferlib.plots._style import GREY, PALETTE, emotion_legend, new_axes, percent_axis


def plot_confusion(confusion, *, names=EMOTIONS, ax=None):
    """Heat map of a confusion matrix: faces by label (row) and prediction (column), with per cent of the row.

    `confusion` (K, K) int and `names` are those of `Scores`.
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
    ax.set(xlabel="predicted", ylabel="labelled (faces)")
    ax.tick_params(axis="x", rotation=45, length=0)
    ax.tick_params(axis="y", rotation=0, length=0)
    return ax


def plot_recall(scores, *, ax=None):
    """Recall, precision and F1 of every emotion with their 95 % intervals, and the accuracy as a line, of `Scores`."""
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
    """ROC curve of every emotion against the six others: what finding more of it costs in false alarms."""
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
    """Precision against recall of every emotion; dots mark its share of the faces, which is guessing's precision."""
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
    """Reliability diagram: accuracy against confidence (bins of equally many faces).

    Parameters
    ----------
    *probabilities
        One or several, such as before and after temperature scaling.
    names : sequence of str
        One for each of the probabilities.
    """
    ax = new_axes(ax, figsize=(5, 5))
    ax.plot([0, 1], [0, 1], color=GREY, ls=":", label="perfectly calibrated")
    # orange first: what was wrong; blue last, on top: what it is now
    for color, name, each in zip(PALETTE[len(probabilities) - 1 :: -1], names, probabilities, strict=True):
        confidence, correct = each.max(1), each.argmax(1) == labels
        parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
        points = [(confidence[part].mean(), correct[part].mean()) for part in parts]
        ax.plot(*np.transpose(points), "o-", color=color, label=name)
    ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    percent_axis(ax.xaxis, ax.yaxis)
    ax.legend(loc="upper left")
    return ax


def plot_adjustment(table, *, chosen, ax=None):
    """Accuracy and mean recall against the strength of the logit adjustment, from `adjustment_curve`.

    `chosen` is the strength that was taken.
    """
    ax = new_axes(ax)
    for color, name in zip(PALETTE, table, strict=False):
        ax.plot(table.index, table[name], color=color, label=name)
    ax.axvline(chosen, color=GREY, ls=":", label=f"chosen: {chosen:.2f}")
    ax.set(xlabel="0: as common as in training ... 1: all seven alike", ylabel="PublicTest, clear faces", xlim=(0, 1))
    percent_axis(ax.yaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return ax


def plot_coverage(table, *, ax=None):
    """Accuracy-coverage curve, from `accuracy_coverage`: accuracy on the most confident faces, against their share."""
    ax = new_axes(ax)
    ax.fill_between(table.index, table["low"], table["high"], color=PALETTE[0], alpha=0.2, lw=0, label="95 % interval")
    ax.plot(table.index, table["accuracy"], "o-", color=PALETTE[0])
    everyone = table["accuracy"].iloc[table.index.argmax()]
    ax.axhline(everyone, color=GREY, ls=":", label=f"all faces: {everyone:.1%}")
    ax.set(xlabel="share of faces predicted, most confident first", ylabel="accuracy on them", xlim=(0, 1))
    percent_axis(ax.xaxis, ax.yaxis)
    ax.legend(loc="upper right")
    return ax


def plot_votes(table, *, ax=None):
    """What FER+'s voters saw in the faces that a network predicted correctly, and in those that it did not.

    `table` is from `compare_with_votes`.
    """
    ax, left = new_axes(ax, figsize=(8, 2.8)), np.zeros(len(table))
    shares = table.div(table.sum(axis=1), axis=0)[::-1]
    for color, name in zip(("#0072B2", "#D55E00", "#CC79A7", "#bbbbbb"), shares, strict=True):
        bars = ax.barh(shares.index, shares[name], left=left, color=color, edgecolor="white", label=name)
        texts = [f"{share:.0%}" if share > 0.04 else "" for share in shares[name]]
        ax.bar_label(bars, texts, label_type="center", color="black" if name == "no majority" else "white")
        left += shares[name].to_numpy()
    ax.set_yticks(shares.index, [f"{name} ({table.loc[name].sum():,})" for name in shares.index])
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


def plot_prediction_sheet(images, predictions, *, columns=4, ax=None):
    """A contact sheet of predictions: each face with its label, what it was predicted as, and seven bars.

    Images are (N, 48, 48) uint8, predictions N rows from `find_confident_errors` or `find_uncertain_correct`.
    """
    width, height, bars = 104, 66, range(len(EMOTIONS))
    rows = -(-len(images) // columns)
    ax = new_axes(ax, figsize=(2.3 * columns, 1.5 * rows + 0.4))
    for number, (image, (row, found)) in enumerate(zip(images, predictions.iterrows(), strict=True)):
        left, top = number % columns * width, number // columns * height
        ax.imshow(image, extent=(left, left + 48, top + 48, top), cmap="gray", vmin=0, vmax=255)
        shares = found[list(EMOTIONS)].to_numpy(float)
        places = [top + 3.5 + 7 * bar for bar in bars]
        ax.barh(places, 40 * shares, 6, left + 51, color=[EMOTION_COLORS[name] for name in EMOTIONS])
        correct = found["label"] == found["predicted"]
        told = found["label"] if correct else f"{found['label']}, predicted {found['predicted']}"
        ax.text(left, top - 2, f"{row}: {told} {shares.max():.0%}", fontsize=8, color="black", va="bottom")
    ax.set(xlim=(-2, columns * width), ylim=(rows * height - 8, -14))
    emotion_legend(ax, columnspacing=1)
    ax.set_axis_off()
    return ax


def plot_maps(maps, faces, *, label="probability lost when covered", ax=None):
    """Seven mean faces, red where a map of its emotion is high.

    Parameters
    ----------
    maps, faces : (7, 48, 48) float
        `Run.occlusion`, or mean maps of `grad_cam` and mean faces.
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
        alpha = heat_alpha(seen, highest=highest)
        image = ax.imshow(seen, extent=extent, cmap="Reds", vmin=0, vmax=highest, alpha=alpha)
        ax.text(left, top - 2, name, va="bottom")
    ax.set(xlim=(-2, columns * size - 8), ylim=(2 * size - 10, -10))
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, label=label, ticks=MaxNLocator(5, steps=[1, 2, 5]))
    percent_axis(bar.ax.yaxis)
    ax.set_axis_off()
    return ax
