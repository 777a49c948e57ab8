"""Pictures of a prediction: what was read in a photo, and how it came about."""

import matplotlib.pyplot as plt
import numpy as np

from ferlib.annotate import answer_color, draw_predictions
from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.explain import occlusion_map
from ferlib.plots import plot_probabilities
from ferlib.style import new_axes
from ferlib.video import FORGET


def plot_prediction(photo, predictions, *, ax=None):
    """A photo with a numbered box round every face, its answer, and the bars of its seven probabilities.

    Parameters
    ----------
    photo : (height, width, 3) uint8
    predictions : list of FacePrediction
    """
    ax = new_axes(ax, figsize=(7, 7))
    ax.imshow(draw_predictions(photo, predictions))
    ax.set_axis_off()
    return ax


def plot_pipeline(photo, prediction, predict_images):
    """From photo to answer: the face found, turned upright, where the network looked, and what it read.

    Parameters
    ----------
    photo : (height, width, 3) uint8
    prediction : FacePrediction
    predict_images : callable
        `Predictor.predict_images`.

    Returns
    -------
    (5,) array of Axes
    """
    _, axes = plt.subplots(1, 5, figsize=(13, 2.9), width_ratios=[1.3, 1, 1, 1, 1.3])
    x, y, width, height = prediction.box
    axes[0].imshow(photo)
    axes[1].imshow(photo)
    axes[1].set(xlim=(x - width / 3, x + width * 4 / 3), ylim=(y + height * 4 / 3, y - height / 3))
    for ax in axes[:2]:
        _draw_box(ax, prediction)
    if prediction.keypoints is not None:
        axes[1].scatter(*prediction.keypoints.T, s=30, color="white", edgecolor="black", zorder=3)
    for ax in axes[2:4]:
        ax.imshow(prediction.crop, cmap="gray", vmin=0, vmax=255)
    matters = np.clip(occlusion_map(predict_images, prediction.crop), 0, None)
    axes[3].imshow(matters, cmap="Reds", alpha=0.8 * (matters / max(matters.max(), 1e-6)) ** 0.5)
    plot_probabilities(prediction.probabilities, ax=axes[4]).set(xlabel="", xticks=[])
    spoke = f"4 what spoke for {prediction.emotion}"
    titles = "1 photo", "2 found", "3 upright, 48x48", spoke, f"5 {prediction.answer}"
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=11)
    for ax in axes[:4]:
        ax.set(xticks=[], yticks=[])
    return axes


def plot_timeline(table, *, most=4, ax=None):
    """What each person in a video shows over time: a band a person, shared by seven colours.

    Parameters
    ----------
    table : pandas.DataFrame
        From `ferlib.video.predict_video`.
    most : int
        Persons shown: those seen longest.
    """
    persons = table["person"].value_counts().index[:most].sort_values()
    ax = new_axes(ax, figsize=(8, 1.4 + 0.9 * len(persons)))
    for place, person in enumerate(persons):
        seen = table[table["person"] == person]
        for _, stretch in seen.groupby((seen["time"].diff() > FORGET).cumsum()):
            tops = place + 0.85 * np.vstack([np.zeros(len(stretch)), stretch[list(EMOTIONS)].cumsum(axis=1).T])
            for emotion, low, high in zip(EMOTIONS, tops[:-1], tops[1:], strict=True):
                ax.fill_between(stretch["time"], low, high, color=EMOTION_COLORS[emotion], lw=0)
    ax.set(xlabel="time, s", ylim=(max(1, len(persons)), -0.1))
    ax.set_yticks(np.arange(len(persons)) + 0.42, [f"person {person}" for person in persons])
    handles = [plt.Rectangle((0, 0), 1, 1, color=EMOTION_COLORS[emotion]) for emotion in EMOTIONS]
    ax.legend(handles, EMOTIONS, ncols=len(EMOTIONS), loc="lower center", bbox_to_anchor=(0.5, 1), fontsize=9)
    return ax


def _draw_box(ax, prediction):
    x, y, width, height = prediction.box
    for color, thickness in (("#222222", 5), (answer_color(prediction), 3)):  # seen on any background
        ax.add_patch(plt.Rectangle((x, y), width, height, fill=False, ec=color, lw=thickness))
