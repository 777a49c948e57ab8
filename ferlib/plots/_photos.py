"""Plots of predictions in photos and videos, and of how they came about.

A photo is (height, width, 3) uint8, RGB; a prediction is a `FacePrediction`. Functions draw into `ax`, or else into a
new figure, and return the Axes.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.evaluation import occlusion_map
from ferlib.inference import FORGET, draw_predictions, heat_alpha, prediction_color
from ferlib.plots._style import GREY, emotion_legend, new_axes, percent_axis


def plot_prediction(photo, predictions, *, ax=None):
    """A photo with a numbered box round every face, what it is predicted as, and bars of its seven probabilities."""
    ax = new_axes(ax, figsize=(7, 7))
    ax.imshow(draw_predictions(photo, predictions))
    ax.set_axis_off()
    return ax


def plot_pipeline(photo, prediction, predict_images):
    """From photo to answer: the face found, turned upright, what spoke for the prediction, and its seven probabilities.

    Parameters
    ----------
    predict_images : callable
        `Predictor.predict_images`, for the occlusion map.

    Returns
    -------
    (5,) array of Axes
    """
    _, axes = plt.subplots(1, 5, figsize=(13, 2.9), width_ratios=[1.3, 1, 1, 1, 1.3])
    x, y, width, height = prediction.box
    for ax in axes[:2]:
        ax.imshow(photo)
        for color, thickness in (("#222222", 5), (prediction_color(prediction), 3)):  # seen on any background
            ax.add_patch(plt.Rectangle((x, y), width, height, fill=False, ec=color, lw=thickness))
    axes[1].set(xlim=(x - width / 3, x + width * 4 / 3), ylim=(y + height * 4 / 3, y - height / 3))
    if prediction.keypoints is not None:
        axes[1].scatter(*prediction.keypoints.T, s=30, color="white", edgecolor="black", zorder=3)
    for ax in axes[2:4]:
        ax.imshow(prediction.crop, cmap="gray", vmin=0, vmax=255)
    matters = occlusion_map(predict_images, prediction.crop)
    axes[3].imshow(matters, cmap="Reds", vmin=0, alpha=heat_alpha(matters))
    plot_probabilities(prediction.probabilities, ax=axes[4]).set(xlabel="", xticks=[])
    spoke = f"4 what spoke for {prediction.emotion}"
    titles = "1 photo", "2 found", "3 upright, 48x48", spoke, f"5 {prediction.predicted}"
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=11)
    for ax in axes[:4]:
        ax.set(xticks=[], yticks=[])
    return axes


def plot_timeline(rows, *, most=4, ax=None):
    """What each person in a video shows over time: a band a person, shared by seven colours.

    Parameters
    ----------
    rows : list of dict, or pandas.DataFrame
        From `ferlib.inference.predict_video`.
    most : int
        Persons shown: those seen longest.
    """
    table = pd.DataFrame(rows)
    persons = table["person"].value_counts().index[:most].sort_values()
    gap = max(FORGET, 2.5 * table["time"].drop_duplicates().diff().median())  # rows may have been thinned
    ax = new_axes(ax, figsize=(8, 1.4 + 0.9 * len(persons)))
    for place, person in enumerate(persons):
        seen = table[table["person"] == person]
        for _, stretch in seen.groupby((seen["time"].diff() > gap).cumsum()):
            tops = place + 0.85 * np.vstack([np.zeros(len(stretch)), stretch[list(EMOTIONS)].cumsum(axis=1).T])
            for emotion, low, high in zip(EMOTIONS, tops[:-1], tops[1:], strict=True):
                ax.fill_between(stretch["time"], low, high, color=EMOTION_COLORS[emotion], lw=0)
    ax.set(xlabel="time, s", ylim=(max(1, len(persons)), -0.1))
    ax.set_yticks(np.arange(len(persons)) + 0.42, [f"person {person}" for person in persons])
    emotion_legend(ax)
    return ax


def plot_probabilities(probabilities, *, ax=None):
    """Bars of one face's seven probabilities (7,)."""
    ax = new_axes(ax, figsize=(5, 3))
    places = range(len(EMOTIONS))
    bars = ax.barh(places, probabilities, color=[EMOTION_COLORS[name] for name in EMOTIONS])
    ax.set_yticks(places, EMOTIONS)
    ax.bar_label(bars, [f" {p:.0%}" for p in probabilities], color=GREY)
    ax.invert_yaxis()
    ax.set(xlabel="probability", xlim=(0, 1.1))
    percent_axis(ax.xaxis)
    ax.tick_params(axis="y", length=0)
    return ax
