"""Histories of training to Axes, live ones too."""

import numpy as np

from ferlib.style import PALETTE, new_axes, percent_axis


def plot_history(history, *, ax=None):
    """Accuracy against epochs, on the training images and on PublicTest; a circle marks the epoch that is kept.

    Parameters
    ----------
    history : pandas.DataFrame
        `Run.history`.
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


def plot_histories(runs, *, ax=None):
    """PublicTest accuracy against epochs, a line a run with its name at its end.

    A run that went on from the weights of another begins where that one ended, if it is among them.

    Parameters
    ----------
    runs : list of Run
    """
    from scipy.optimize import isotonic_regression

    ax = new_axes(ax, figsize=(8, 5))
    ends = np.array([run.history["val_accuracy"].iloc[-1] for run in runs])
    order, apart = np.argsort(ends, kind="stable"), 0.028 * np.arange(len(runs))
    heights = np.empty(len(runs))  # as near the ends as names that do not cover each other can be
    heights[order] = isotonic_regression(ends[order] - apart).x + apart
    done = {run.name: run.bundle["epochs_done"] for run in runs}
    begun = {run.name: done.get(run.config.start, 0) for run in runs}
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

    Parameters
    ----------
    rates : dict of str to sequence of float
        By schedule, from the first step to the last.
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

    Returns
    -------
    callable
        For `on_epoch` of `ferlib.train.train`; its attribute `figure` is the figure.
    """
    import matplotlib.pyplot as plt
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
