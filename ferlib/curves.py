"""Histories of training to Axes."""

from ferlib.style import PALETTE, new_axes, percent_axis


def plot_history(history, *, ax=None):
    """Accuracy against epochs, on the training images and on PublicTest.

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
