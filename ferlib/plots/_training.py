"""Plots of training: histories, live ones too, learning rates, balancing, the leak, experiments.

A run is a `ferlib.evaluation.Run`; accuracies are 0..1. Functions draw into `ax`, or else into a new figure, and return
the Axes.
"""

import matplotlib.pyplot as plt
import numpy as np

from ferlib.plots._style import CURVE_COLORS, GREY, PALETTE, new_axes, percent_axis

MOST_POINTS = 6  # that an experiment is shown to bring: beside more, small gains could not be told apart


def plot_history(history, *, ax=None):
    """Accuracy against epochs, on the training images and on PublicTest; a circle marks the epoch that is kept.

    `history` is that of a `Run`.
    """
    ax = new_axes(ax)
    ax.plot(history["epoch"], history["accuracy"], ".-", label="Training, as augmented")
    ax.plot(history["epoch"], history["val_accuracy"], ".-", label="PublicTest")
    best = history["val_accuracy"].idxmax()
    ax.plot(history["epoch"][best], history["val_accuracy"][best], "o", mfc="none", ms=11, color=PALETTE[1])
    ax.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
    ax.xaxis.get_major_locator().set_params(integer=True)
    percent_axis(ax.yaxis)
    ax.legend(loc="upper left")
    return ax


def plot_curves(history):
    """A figure of three Axes against epochs: accuracy; loss; and PublicTest's precision, recall and macro-F1.

    `history` is that of a `Run` whose history has them. Precision and recall are Keras' own: of the emotions given more
    than half the probability, so that recall begins near 0. Returns the Axes, a tuple.
    """
    _, axes = plt.subplots(1, 3, figsize=(12, 3.4))
    plot_history(history, ax=axes[0])
    for column, label in (("loss", "Training, as augmented"), ("val_loss", "PublicTest")):
        axes[1].plot(history["epoch"], history[column], ".-", label=label)
    axes[1].set(xlabel="epoch", ylabel="loss")
    for name, color in zip(("precision", "recall", "macro_f1"), CURVE_COLORS[2:], strict=False):
        label = name.replace("_f1", "-F1")
        axes[2].plot(history["epoch"], history[f"val_{name}"], ".-", color=color, label=label)
    axes[2].set(xlabel="epoch", ylabel="on PublicTest", ylim=(0, 1))
    for ax in axes[1:]:
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
    return tuple(axes)


def plot_histories(runs, *, ax=None):
    """PublicTest accuracy against epochs, a line a run with its name at its end.

    A run that went on from the weights of another begins where that one ended, if it is among them.
    """
    from scipy.optimize import isotonic_regression

    ax = new_axes(ax, figsize=(8, 5))
    ends = np.array([run.history["val_accuracy"].iloc[-1] for run in runs])
    order, apart = np.argsort(ends, kind="stable"), 0.028 * np.arange(len(runs))
    heights = np.empty(len(runs))  # as near the ends as names that do not cover each other can be
    heights[order] = isotonic_regression(ends[order] - apart).x + apart
    done = {run.name: run.metadata.epochs_done for run in runs}
    begun = {run.name: done.get(run.config.init_from, 0) for run in runs}
    longest = max(begun[name] + done[name] for name in done)
    for i, run in enumerate(runs):
        color, line = PALETTE[i % len(PALETTE)], ("-", "--", ":")[i // len(PALETTE) % 3]
        epochs, accuracy = begun[run.name] + run.history["epoch"], run.history["val_accuracy"]
        ax.plot(epochs, accuracy, line, color=color, marker="." if len(epochs) < 3 else None)
        ax.annotate(
            run.name,
            (epochs.iloc[-1], accuracy.iloc[-1]),
            (longest * 1.04, heights[i]),
            color=color,
            va="center",
            arrowprops=dict(arrowstyle="-", color=color, alpha=0.3, relpos=(0, 0.5)),
        )
    ax.set(xlabel="epoch", ylabel="PublicTest accuracy", xlim=(0, longest * 1.35))
    ax.xaxis.get_major_locator().set_params(integer=True)
    percent_axis(ax.yaxis)
    return ax


def plot_rates(rates, *, ax=None):
    """Learning rate against the share of the run, a line a schedule.

    `rates` is a dict of sequences of float by schedule, from the first step to the last.
    """
    ax = new_axes(ax)
    for name, values in rates.items():
        ax.plot([step / (len(values) - 1) for step in range(len(values))], values, label=name)
    ax.set(xlabel="share of the run", ylabel="learning rate")
    percent_axis(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(rates))
    return ax


def live_plot():
    """A `plot_history` that redraws itself in the notebook after each epoch.

    Returns what `ferlib.training.train` takes as `on_epoch`; its attribute `figure` is the figure.
    """
    from IPython.display import display

    figure, ax = plt.subplots()
    plt.close(figure)  # shown by the handle alone
    handle = display(figure, display_id=True)

    def show(history):
        ax.clear()
        plot_history(history, ax=ax)
        handle.update(figure)

    show.figure = figure
    return show


def plot_balancing(recalls, counts, *, ax=None):
    """Recall against how rare an emotion is: a line a balancing strategy through the mean of its runs, a dot a run.

    Parameters
    ----------
    recalls : pandas.DataFrame
        Indexed by (strategy, seed), a column an emotion, 0..1.
    counts : pandas.Series
        Training rows by emotion.
    """
    ax = new_axes(ax, figsize=(9, 4.5))
    order = counts.sort_values(ascending=False).index
    strategies = recalls.index.unique(0)
    for number, (strategy, color, mark) in enumerate(zip(strategies, CURVE_COLORS, "osD^vPX", strict=False)):
        places = np.arange(len(order)) + 0.1 * (number - (len(strategies) - 1) / 2)
        of_seeds = recalls.loc[strategy, order]
        ax.plot(places, of_seeds.mean(), f"{mark}-", color=color, label=strategy.replace("_", " "))
        for _, recall in of_seeds.iterrows():
            ax.plot(places, recall, ".", color=color, ms=4, alpha=0.6)
    ax.set_xticks(range(len(order)), [f"{emotion}\n{counts[emotion]:,}" for emotion in order])
    ax.set(xlabel="emotion, and its Training rows", ylabel="recall on PublicTest", ylim=(0, 1))
    percent_axis(ax.yaxis)
    ax.legend(ncols=len(strategies), loc="lower center", bbox_to_anchor=(0.5, 1), columnspacing=1, handletextpad=0.4)
    return ax


def plot_leak(leaking, without_leakage, *, claim, ax=None):
    """The score that a leak fakes, against epochs, beside the same recipe without leakage.

    Parameters
    ----------
    leaking, without_leakage : Run
        The same recipe, oversampled before the split, and after it.
    claim : float
        What was published, 0..1.
    """
    ax = new_axes(ax, figsize=(8, 4.2))
    names = "oversampled, then split", "split, then oversampled"
    for name, run, color in zip(names, (leaking, without_leakage), PALETTE[1::-1], strict=True):
        epochs, accuracy = run.history["epoch"], run.history["val_accuracy"]
        ax.plot(epochs, accuracy, "o-", color=color, ms=4)
        end = epochs.iloc[-1], accuracy.iloc[-1]
        ax.annotate(f"{name}: {end[1]:.1%}", end, (8, 0), textcoords="offset points", color=color, va="center")
    longest = max(run.metadata.epochs_done for run in (leaking, without_leakage))
    ax.hlines(claim, 1, longest, color=GREY, ls=":")  # short of the names
    ax.annotate(f"published: {claim:.1%}", (1, claim), (0, 4), textcoords="offset points", color=GREY)
    ax.set(xlabel="epoch", ylabel="accuracy on its own test split", xlim=(0.5, longest * 1.45), ylim=(0.2, 0.9))
    ax.set_xticks(range(1, longest + 1, max(1, longest // 10)))
    percent_axis(ax.yaxis)
    return ax


def plot_experiments(table, *, ax=None):
    """What was tried: how many points of accuracy each idea brought, and between which accuracies.

    `table` is `models/experiments.csv`: network, what, trained, measured on, without, with (0..1), kept ("yes", "no").
    """
    ax, rows = new_axes(ax, figsize=(9, 1.2 + 0.45 * len(table))), np.arange(len(table))[::-1]
    gains = (100 * (table["with"] - table["without"])).clip(-MOST_POINTS, MOST_POINTS).to_numpy()
    kinds = ("yes", PALETTE[0], "kept: in the final recipe"), ("no", PALETTE[1], "dropped: tried, and left out again")
    for kept, color, label in kinds:
        these = (table["kept"] == kept).to_numpy()
        ax.hlines(rows[these], 0, gains[these], color=color, lw=2.5)
        ax.plot(gains[these], rows[these], "o", color=color, ms=6, label=label)
    for gain, row, without, reached in zip(gains, rows, table["without"], table["with"], strict=True):
        text = f"{without:.1%} → {reached:.1%}"
        ax.annotate(text, (max(gain, 0), row), (8, 0), textcoords="offset points", va="center", size="small")
    ax.axvline(0, color=GREY, lw=0.8)
    ax.set_xticks(np.linspace(-MOST_POINTS, MOST_POINTS, 5))
    ax.set_yticks(rows, table["network"] + ": " + table["what"] + "\n" + table["trained"] + ", " + table["measured on"])
    ax.tick_params(axis="y", length=0, labelsize="small")
    xlabel = f"gain, points of accuracy\n({MOST_POINTS} where it is more)"
    ax.set(xlabel=xlabel, ylim=(-0.6, len(table) - 0.4), xlim=(-MOST_POINTS - 0.5, MOST_POINTS + 4.5))
    ax.legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return ax
