"""Several runs, or a run under several conditions, to Axes."""

import numpy as np

from ferlib.config import EMOTIONS
from ferlib.style import GREY, PALETTE, new_axes, percent_axis
from ferlib.testsets import TEST_SETS

CURVE_COLORS = (*PALETTE, "#E69F00", "#56B4E9", "#000000")


def plot_runs(table, *, ax=None):
    """PrivateTest accuracy of runs on the three test sets with 95 % intervals, what was claimed, and people.

    Below the name of a run that was trained for less than its recipe plans stands how far it came.

    Parameters
    ----------
    table : pandas.DataFrame
        From `compare_runs`.
    """
    ax, rows = new_axes(ax, figsize=(8, 1.8 + 0.6 * len(table))), np.arange(len(table))[::-1]
    ax.axvspan(0.60, 0.70, color="#eeeeee", lw=0, label="people: 65 ± 5 %")
    for shift, color, test_set in zip((0.22, 0, -0.22), PALETTE, TEST_SETS, strict=False):
        places = rows + shift
        ax.hlines(places, table[f"{test_set} low"], table[f"{test_set} high"], color=color, lw=2.5)
        ax.plot(table[test_set], places, "o", color=color, ms=6, label=test_set.replace("_", " "))
    ax.plot(table["claim"], rows, "D", mfc="white", mec=GREY, ms=8, label="claimed")
    names = [f"{name}\n{', '.join(notes)}" if (notes := _notes(row)) else name for name, row in table.iterrows()]
    if table["leaky"].any() and not table["leaky"].all():
        ax.axhline(table["leaky"].sum() - 0.5, color=GREY, lw=0.8)
    ax.set(xlabel="PrivateTest accuracy, with its 95 % interval", ylim=(-0.6, len(table) - 0.4))
    ax.set_yticks(rows, names)
    ax.tick_params(axis="y", length=0)
    percent_axis(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, columnspacing=1, handletextpad=0.4)
    return ax


def _notes(row):
    short = [f"{row['epochs']} of {row['planned']} epochs"] if row["epochs"] < row["planned"] else []
    return ["leaks"] * row["leaky"] + short


def plot_robustness(table, *, ax=None):
    """Accuracy against the strength of each corruption, each curve beginning at the faces as they are.

    Parameters
    ----------
    table : pandas.DataFrame
        From `measure_robustness`.
    """
    ax, clean = new_axes(ax, figsize=(8, 4.5)), table[table["strength"] == 0].iloc[0]
    curves = table[table["strength"] > 0].groupby("corruption", sort=False)
    ax.axhspan(clean["low"], clean["high"], color="#eeeeee", lw=0, label="95 % interval\nof the faces as they are")
    for (name, curve), color, mark in zip(curves, CURVE_COLORS, "osD^vPX", strict=False):
        x, y = [0, *curve["strength"]], [clean["accuracy"], *curve["accuracy"]]
        ax.plot(x, y, f"{mark}-", color=color, ms=5, label=name)
    ax.axhline(1 / len(EMOTIONS), color=GREY, ls=":", label="guessing: 1 in 7")
    ax.set(xlabel="strength (0: as it is)", ylabel=f"accuracy on {clean['n']:,} faces", ylim=(0, None), xticks=range(6))
    percent_axis(ax.yaxis)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def plot_cures(recalls, counts, *, ax=None):
    """Recall against how rare an emotion is: a line a cure through the mean of its runs, a dot a run.

    Parameters
    ----------
    recalls : pandas.DataFrame
        Indexed by (cure, seed), a column an emotion, 0..1.
    counts : Series
        Training rows by emotion.
    """
    ax = new_axes(ax, figsize=(9, 4.5))
    order = counts.sort_values(ascending=False).index
    cures = recalls.index.unique(0)
    for number, (cure, color, mark) in enumerate(zip(cures, CURVE_COLORS, "osD^vPX", strict=False)):
        places = np.arange(len(order)) + 0.1 * (number - (len(cures) - 1) / 2)
        of_seeds = recalls.loc[cure, order]
        ax.plot(places, of_seeds.mean(), f"{mark}-", color=color, label=cure.replace("_", " "))
        for _, recall in of_seeds.iterrows():
            ax.plot(places, recall, ".", color=color, ms=4, alpha=0.6)
    ax.set_xticks(range(len(order)), [f"{emotion}\n{counts[emotion]:,}" for emotion in order])
    ax.set(xlabel="emotion, and its Training rows", ylabel="recall on PublicTest", ylim=(0, 1))
    percent_axis(ax.yaxis)
    ax.legend(ncols=len(cures), loc="lower center", bbox_to_anchor=(0.5, 1), columnspacing=1, handletextpad=0.4)
    return ax


def plot_leak(apparent, honest, *, claim, ax=None):
    """The score that a leak fakes, against epochs, beside the honest one.

    Parameters
    ----------
    apparent, honest : Run
        The same recipe, oversampled before the split, and after it.
    claim : float
        What was published, 0..1.
    """
    ax = new_axes(ax, figsize=(8, 4.2))
    lines = {"oversampled, then split": (apparent, PALETTE[1]), "split, then oversampled": (honest, PALETTE[0])}
    for name, (run, color) in lines.items():
        epochs, accuracy = run.history["epoch"], run.history["val_accuracy"]
        ax.plot(epochs, accuracy, "o-", color=color, ms=4)
        end = epochs.iloc[-1], accuracy.iloc[-1]
        ax.annotate(name, end, (8, 0), textcoords="offset points", color=color, va="center")
    ax.axhline(claim, color=GREY, ls=":")
    ax.annotate(f"published: {claim:.1%}", (1, claim), (0, 4), textcoords="offset points", color=GREY)
    longest = max(run.bundle["epochs_done"] for run in (apparent, honest))
    ax.set(xlabel="epoch", ylabel="accuracy on its own test split", xlim=(0.5, longest * 1.45), ylim=(0.2, 0.9))
    ax.set_xticks(range(1, longest + 1, max(1, longest // 10)))
    percent_axis(ax.yaxis)
    return ax


def plot_experiments(table, *, ax=None):
    """What was tried: how many points of accuracy each idea brought, and between which accuracies.

    Parameters
    ----------
    table : pandas.DataFrame
        `models/experiments.csv`: columns network, what, trained, measured on, without, with (0..1), kept ("yes", "no").
    """
    ax, rows = new_axes(ax, figsize=(9, 1.2 + 0.6 * len(table))), np.arange(len(table))[::-1]
    gains = 100 * (table["with"] - table["without"]).to_numpy()
    for kept, color in (("yes", PALETTE[0]), ("no", PALETTE[1])):
        these = (table["kept"] == kept).to_numpy()
        ax.hlines(rows[these], 0, gains[these], color=color, lw=2.5)
        ax.plot(gains[these], rows[these], "o", color=color, ms=6, label={"yes": "kept", "no": "dropped"}[kept])
    for gain, row, without, reached in zip(gains, rows, table["without"], table["with"], strict=True):
        text = f"{without:.1%} → {reached:.1%}"
        ax.annotate(text, (max(gain, 0), row), (8, 0), textcoords="offset points", va="center", size="small")
    ax.axvline(0, color=GREY, lw=0.8)
    ax.set_yticks(rows, table["network"] + ": " + table["what"] + "\n" + table["trained"] + ", " + table["measured on"])
    ax.tick_params(axis="y", length=0, labelsize="small")
    ax.set(xlabel="gain, points of accuracy", ylim=(-0.6, len(table) - 0.4), xlim=(None, gains.max() + 12))
    ax.legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return ax
