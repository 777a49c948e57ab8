"""Plots of several runs beside one another, and of one run under corruption.

Functions draw into `ax`, or else into a new figure, and return the Axes.
"""

import numpy as np

from ferlib.config import EMOTIONS
from ferlib.plots._style import CURVE_COLORS, GREY, PALETTE, new_axes, percent_axis


def plot_recipes(table, *, ax=None):
    """What each recipe claims beside what it scores on PrivateTest, with the 95 % interval, and the points between.

    `table` is from `compare_recipes`. A recipe that leaks has no score: its line is hollow.
    """
    ax, rows = new_axes(ax, figsize=(8, 1.4 + 0.45 * len(table))), np.arange(len(table))[::-1]
    ax.axvspan(0.60, 0.70, color="#eeeeee", lw=0, label="people, as published: 65 ± 5 %")
    ax.hlines(rows, table["claim"], table["accuracy"], color=GREY, lw=0.8)
    ax.plot(table["claim"], rows, "D", mfc="white", mec=GREY, ms=8, label="claimed")
    for leaky, color, label in ((False, PALETTE[0], "scored, without leakage"), (True, PALETTE[1], "with the leak")):
        these = (table["leaky"] == leaky).to_numpy()
        ax.hlines(rows[these], table["low"][these], table["high"][these], color=color, lw=2.5)
        if these.any():
            ax.plot(
                table["accuracy"][these], rows[these], "o", color=color, mfc="white" if leaky else color, label=label
            )
    for row, recipe in zip(rows, table.itertuples(), strict=True):
        points = "" if np.isnan(recipe.claim) else f" ({100 * (recipe.accuracy - recipe.claim):+.1f})"
        place = np.nanmax([recipe.claim, recipe.high])
        ax.annotate(f"{recipe.accuracy:.1%}{points}", (place, row), (9, 0), textcoords="offset points", va="center")
    ax.set(xlabel="PrivateTest accuracy (points above or below the claim)", ylim=(-0.6, len(table) - 0.4))
    ax.set_xlim(right=max(table["high"].max(), table["claim"].max()) + 0.08)
    ax.set_yticks(rows, table.index)
    ax.tick_params(axis="y", length=0)
    percent_axis(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=4, columnspacing=1, handletextpad=0.4)
    return ax


def plot_robustness(table, *, ax=None):
    """Accuracy against the severity of each corruption, from `measure_robustness`; each curve begins at clean faces."""
    ax, clean = new_axes(ax, figsize=(8, 4.5)), table[table["severity"] == 0].iloc[0]
    curves = table[table["severity"] > 0].groupby("corruption", sort=False)
    ax.axhspan(clean["low"], clean["high"], color="#eeeeee", lw=0, label="95 % interval\nof the faces as they are")
    for (name, curve), color, mark in zip(curves, CURVE_COLORS, "osD^vPX", strict=False):
        x, y = [0, *curve["severity"]], [clean["accuracy"], *curve["accuracy"]]
        ax.plot(x, y, f"{mark}-", color=color, ms=5, label=name)
    ax.axhline(1 / len(EMOTIONS), color=GREY, ls=":", label="guessing: 1 in 7")
    ax.set(xlabel="severity (0: as it is)", ylabel=f"accuracy on {clean['n']:,} faces", ylim=(0, None), xticks=range(6))
    percent_axis(ax.yaxis)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
