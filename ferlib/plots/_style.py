"""The style of every figure: defaults, colours, axes, legends, and where figures are saved."""

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.ticker import PercentFormatter

from ferlib.config import EMOTION_COLORS, FIGURES_DIR

GREY = "#4d4d4d"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Colours for anything that is not an emotion (Okabe and Ito's colour-blind safe set)."""
CURVE_COLORS = (*PALETTE, "#E69F00", "#56B4E9", "#000000")


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


def save_figure(figure, name, *, sample=False):
    """Write a figure as PNG (150 dpi) and SVG to `figures/`, of the embedded data set (`sample`) to `figures/sample/`.

    End the name of a figure that shows faces, such as "04_errors_faces", in "_faces": git ignores those.
    """
    folder = FIGURES_DIR / "sample" if sample else FIGURES_DIR
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png", metadata={"Software": None})


def new_axes(ax, *, figsize=None):
    """`ax`, or the Axes of a new figure if it is None."""
    return plt.subplots(figsize=figsize)[1] if ax is None else ax


def emotion_legend(ax, **options):
    """Put a legend of the seven emotions' colours in a line above the Axes."""
    handles = [plt.Rectangle((0, 0), 1, 1, color=color) for color in EMOTION_COLORS.values()]
    ax.legend(handles, EMOTION_COLORS, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=7, fontsize=9, **options)


def percent_axis(*axes):
    """Label an axis, such as `ax.xaxis`, that holds shares (0..1) in per cent."""
    for axis in axes:
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
