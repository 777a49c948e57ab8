import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from sklearn.metrics import roc_auc_score

from ferlib import plots
from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.evaluation import accuracy_coverage, evaluate

pytestmark = pytest.mark.usefixtures("styled_figures")


def texts(ax):
    return [text.get_text().strip() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_confusion_gives_the_share_of_the_row_and_the_faces():
    labels = np.repeat(np.arange(7), 10)
    scores = evaluate(labels, np.eye(7)[np.where(np.arange(70) == 0, 3, labels)])
    ax = plots.plot_confusion(scores.confusion)
    assert texts(ax)[:4] == ["90%\n9", "0%\n0", "0%\n0", "10%\n1"]
    assert ax.get_yticklabels()[0].get_text() == "angry (10)"


def test_confusion_of_other_answers_bears_their_names():
    ax = plots.plot_confusion(np.array([[3, 1], [0, 4]]), names=("yes", "no"))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["yes", "no"]


def test_recall_shows_point_and_interval_in_the_emotions_colour(draw_answers):
    scores = evaluate(*draw_answers(300))
    ax = plots.plot_recall(scores)
    interval, point = ax.lines[:2]
    assert list(point.get_xdata()) == [scores.recall[0]]
    assert list(interval.get_xdata()) == list(scores.intervals["recall"][0])
    assert to_hex(point.get_color()).upper() == EMOTION_COLORS["angry"]
    assert legend(ax)[:3] == ["recall", "precision", "F1"]


@pytest.mark.parametrize("plot", [plots.plot_roc, plots.plot_precision_recall])
def test_one_curve_an_emotion_that_has_faces(plot, draw_answers):
    labels, probabilities = draw_answers(300)
    without_disgust = labels != 1
    ax = plot(labels[without_disgust], probabilities[without_disgust])
    assert [text.split()[0] for text in legend(ax)] == [name for name in EMOTIONS if name != "disgust"]
    colors = {to_hex(line.get_color()).upper() for line in ax.lines}
    assert {EMOTION_COLORS[name] for name in EMOTIONS if name != "disgust"} <= colors


def test_roc_tells_its_area(draw_answers):
    labels, probabilities = draw_answers(300)
    area = roc_auc_score(labels == 3, probabilities[:, 3])
    assert f"happy {area:.2f}" in legend(plots.plot_roc(labels, probabilities))


def test_calibration_of_an_honest_network_is_the_diagonal(draw_answers):
    labels, probabilities = draw_answers(20_000)
    _, sharp = draw_answers(20_000, sharpness=2)
    ax = plots.plot_calibration(labels, sharp, probabilities, names=("before", "after"))
    _, before, after = ax.lines
    assert after.get_ydata() == pytest.approx(after.get_xdata(), abs=0.05)
    assert (before.get_ydata() < before.get_xdata())[2:].all()
    assert legend(ax) == ["perfectly calibrated", "before", "after"]


def test_coverage_ends_at_the_accuracy(draw_answers):
    labels, probabilities = draw_answers(300)
    ax = plots.plot_coverage(accuracy_coverage(labels, probabilities))
    accuracy = evaluate(labels, probabilities).accuracy
    assert (ax.lines[0].get_xdata()[0], ax.lines[0].get_ydata()[0]) == (1, accuracy)
    assert f"all faces: {accuracy:.1%}" in legend(ax)


def test_votes_fill_every_bar():
    columns = ["the label", "the network", "another emotion", "no majority"]
    table = pd.DataFrame([[6, 0, 2, 2], [1, 1, 1, 1]], index=["hits", "errors"], columns=columns)
    ax = plots.plot_votes(table)
    assert texts(ax)[:2] == ["25%", "60%"]
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(2)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["errors (4)", "hits (10)"]


def test_the_adjustment_tells_both_scores_and_what_was_chosen():
    table = pd.DataFrame({"accuracy": [0.9, 0.88], "mean recall": [0.7, 0.8]}, index=[0.0, 1.0])
    ax = plots.plot_adjustment(table, chosen=0.5)
    assert legend(ax) == ["accuracy", "mean recall", "chosen: 0.50"]
