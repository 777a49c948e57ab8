"""Several runs, or a run under several conditions, to Axes."""

import numpy as np

from ferlib.config import EMOTIONS
from ferlib.style import GREY, PALETTE, new_axes, percent_axis
from ferlib.testsets import TEST_SETS

CURVE_COLORS = (*PALETTE, "#E69F00", "#56B4E9", "#000000")


def plot_runs(table, *, ax=None):
    """PrivateTest accuracy of runs on the three test sets with 95 % intervals, what was claimed, and people.

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
    names = [f"{name}\n(leaks)" if leaky else name for name, leaky in table["leaky"].items()]
    if table["leaky"].any() and not table["leaky"].all():
        ax.axhline(table["leaky"].sum() - 0.5, color=GREY, lw=0.8)
    ax.set(xlabel="PrivateTest accuracy, with its 95 % interval", ylim=(-0.6, len(table) - 0.4))
    ax.set_yticks(rows, names)
    ax.tick_params(axis="y", length=0)
    percent_axis(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, columnspacing=1, handletextpad=0.4)
    return ax


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
