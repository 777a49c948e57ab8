"""Arrays and tables to Axes, in one style, with one colour per emotion."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.ticker import PercentFormatter

from ferlib.config import EMOTION_COLORS, EMOTIONS, FIGURES_DIR
from ferlib.data import find_source

GREY = "#4d4d4d"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Colours for anything that is not an emotion (Okabe and Ito's colour-blind safe set)."""


def use_style():
    """Set matplotlib's defaults for every figure of the project."""
    sns.set_theme(
        style="ticks",
        palette=PALETTE,
        rc={
            "figure.figsize": (7, 4),
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "savefig.dpi": 150,
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            # the same figure gives the same SVG, so that git sees only real changes
            "svg.hashsalt": "ferlib",
        },
    )


def save_figure(figure, name):
    """Write a figure as PNG (150 dpi) and SVG, to `figures/`, or `figures/sample/` for the embedded data set.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    name : str
        Such as "04_confusion". End the name of a figure that shows faces in "_faces": git ignores those.
    """
    folder = FIGURES_DIR if find_source() else FIGURES_DIR / "sample"
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png", metadata={"Software": None})


def plot_class_counts(counts, *, ax=None):
    """Bars of the class counts, commonest emotion on top, each with its number and share.

    Parameters
    ----------
    counts : pandas.Series
        From `count_labels`.
    """
    ax, counts = _axes(ax), counts.sort_values()
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
    ax = _axes(ax, figsize=(8, 4))
    table.plot.bar(ax=ax, rot=0, width=0.8, color=PALETTE[: table.shape[1]], edgecolor="white")
    ax.set(xlabel="", ylabel=label)
    ax.tick_params(axis="x", length=0)
    if percent:
        _percent(ax.yaxis)
    ax.legend(title="", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=table.shape[1])
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
    ax = _axes(ax, figsize=(1.3 * columns, 1.3 * rows * cell_height / cell_width))
    for i, image in enumerate(images):
        top, left = i // columns * cell_height + title_height, i % columns * cell_width
        sheet[top : top + height, left : left + width] = image
        if titles is not None:
            ax.text(left + width / 2, top - 2, titles[i], ha="center", va="bottom", fontsize=9, color=GREY)
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set_axis_off()
    return ax


def plot_history(history, *, ax=None):
    """Accuracy against epochs, on the training images and on PublicTest.

    Parameters
    ----------
    history : pandas.DataFrame
        `Run.history`.
    """
    ax = _axes(ax)
    ax.plot(history["epoch"], history["accuracy"], ".-", label="Training, as augmented")
    ax.plot(history["epoch"], history["val_accuracy"], ".-", label="PublicTest")
    best = history["val_accuracy"].idxmax()
    ax.plot(history["epoch"][best], history["val_accuracy"][best], "o", mfc="none", ms=11, color=PALETTE[1])
    ax.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
    ax.xaxis.get_major_locator().set_params(integer=True)
    _percent(ax.yaxis)
    ax.legend(loc="upper left")
    return ax


def plot_confusion(confusion, *, ax=None):
    """Heat map of a confusion matrix in per cent of each row: of the faces labelled so, how many were read as what.

    Parameters
    ----------
    confusion : (7, 7) int array
        `Scores.confusion`.
    """
    ax = _axes(ax, figsize=(6.5, 5.5))
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
    ax, rows = _axes(ax), np.arange(len(EMOTIONS))[::-1]
    for row, name, recall, (low, high) in zip(rows, EMOTIONS, scores.recall, scores.recall_intervals, strict=True):
        ax.plot([low, high], [row, row], color=EMOTION_COLORS[name], lw=3, solid_capstyle="round")
        ax.plot(recall, row, "o", color=EMOTION_COLORS[name], ms=9)
    ax.axvline(scores.accuracy, color=GREY, ls=":", label=f"accuracy {scores.accuracy:.1%}")
    ax.set(xlabel="recall, with its 95 % interval", xlim=(0, 1), yticks=rows)
    ax.set_yticklabels([f"{name} ({n:,})" for name, n in zip(EMOTIONS, scores.confusion.sum(1), strict=True)])
    _percent(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


def plot_calibration(labels, probabilities, *, bins=10, ax=None):
    """Reliability diagram: how often the network is right against how sure it is (bins of equally many faces).

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, 7) float
    """
    ax = _axes(ax, figsize=(5, 5))
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    parts = np.array_split(np.argsort(confidence), bins)
    ax.plot([0, 1], [0, 1], color=GREY, ls=":", label="perfectly calibrated")
    ax.plot([confidence[part].mean() for part in parts], [right[part].mean() for part in parts], "o-", label="network")
    ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    _percent(ax.xaxis, ax.yaxis)
    ax.legend(loc="upper left")
    return ax


def plot_coverage(labels, probabilities, *, ax=None):
    """Accuracy on the faces of which the network is surest, against their share: what "not sure" would buy.

    Parameters
    ----------
    labels : (N,) int64
    probabilities : (N, 7) float
    """
    ax = _axes(ax)
    right = (probabilities.argmax(1) == labels)[np.argsort(-probabilities.max(1))]
    n = np.arange(1, len(right) + 1)
    shown = n >= len(right) / 50  # the mean of a handful of faces is noise
    ax.plot((n / len(right))[shown], (right.cumsum() / n)[shown])
    ax.axhline(right.mean(), color=GREY, ls=":", label=f"all faces: {right.mean():.1%}")
    ax.set(xlabel="share of faces answered, surest first", ylabel="accuracy on them", xlim=(0, 1))
    _percent(ax.xaxis, ax.yaxis)
    ax.legend(loc="upper right")
    return ax


def plot_runs(table, *, ax=None):
    """PrivateTest accuracy of runs with 95 % intervals, beside people and guessing.

    Parameters
    ----------
    table : pandas.DataFrame
        From `compare_runs`.
    """
    ax = _axes(ax, figsize=(7.5, 1.6 + 0.5 * len(table)))
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
    _percent(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def plot_probabilities(probabilities, *, ax=None):
    """Bars of one face's seven probabilities.

    Parameters
    ----------
    probabilities : (7,) float
    """
    ax = _axes(ax, figsize=(5, 3))
    bars = ax.barh(EMOTIONS, probabilities, color=[EMOTION_COLORS[name] for name in EMOTIONS])
    ax.bar_label(bars, [f" {p:.0%}" for p in probabilities], color=GREY)
    ax.invert_yaxis()
    ax.set(xlabel="probability", xlim=(0, 1.1))
    _percent(ax.xaxis)
    ax.tick_params(axis="y", length=0)
    return ax


def plot_prediction(photo, predictions, *, ax=None):
    """A photo with a numbered box round every face, and the likeliest emotion.

    Parameters
    ----------
    photo : (height, width, 3) uint8
    predictions : list of FacePrediction
    """
    ax = _axes(ax, figsize=(6, 6))
    ax.imshow(photo)
    for number, prediction in enumerate(predictions, 1):
        x, y, width, height = prediction.box
        color = EMOTION_COLORS[prediction.emotion]
        ax.add_patch(plt.Rectangle((x, y), width, height, fill=False, ec="white", lw=5))
        ax.add_patch(plt.Rectangle((x, y), width, height, fill=False, ec=color, lw=3))
        text = f"{number}  {prediction.emotion} {prediction.probabilities.max():.0%}"
        box = dict(fc="white", ec=color, boxstyle="round,pad=0.3")
        ax.annotate(text, (x, y), (0, 6), textcoords="offset points", va="bottom", bbox=box)
    ax.set_axis_off()
    return ax


def _axes(ax, *, figsize=None):
    return plt.subplots(figsize=figsize)[1] if ax is None else ax


def _percent(*axes):
    for axis in axes:
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
