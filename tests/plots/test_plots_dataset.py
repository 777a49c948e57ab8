import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from ferlib import plots
from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.data import count_labels
from ferlib.evaluation import find_confident_errors
from ferlib.quality import Rule

pytestmark = pytest.mark.usefixtures("styled_figures")


def texts(ax):
    return [text.get_text().strip() for text in ax.texts]


def test_bars_have_the_class_counts_and_the_emotions_colours(drawn_faces):
    counts = count_labels(drawn_faces.labels)
    ax = plots.plot_class_counts(counts)
    assert [bar.get_width() for bar in ax.patches] == sorted(counts)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert [to_hex(bar.get_facecolor()).upper() for bar in ax.patches] == [EMOTION_COLORS[name] for name in names]


def test_one_bar_an_emotion_and_column():
    table = pd.DataFrame(np.arange(14).reshape(7, 2) / 14, index=EMOTIONS, columns=["before", "after"])
    ax = plots.plot_by_emotion(table, label="share")
    assert sorted(bar.get_height() for bar in ax.patches) == sorted(table.to_numpy().ravel())


@pytest.mark.parametrize(("above", "found"), [(False, 20), (True, 79)])
def test_a_threshold_stands_at_its_number_of_faces(above, found):
    ax = plots.plot_threshold(np.arange(100) / 100, Rule("template_similarity", 0.2, above, ""))
    assert texts(ax) == [str(found)]
    line, mark = ax.lines
    assert mark.get_xdata()[0] == 0.2
    beyond = [n for score, n in zip(*line.get_data(), strict=True) if (score > 0.2 if above else score < 0.2)]
    assert max(beyond) == found
    assert ax.xaxis_inverted() == above


def test_a_contact_sheet_shows_every_face_with_its_title(drawn_faces):
    ax = plots.plot_faces(drawn_faces.images[:10], titles=[str(i) for i in range(10)], columns=4)
    sheet = ax.images[0].get_array()
    assert texts(ax) == [str(i) for i in range(10)]
    assert np.array_equal(sheet[12:60, :48], drawn_faces.images[0])
    assert sheet.shape == (3 * 64, 4 * 52)


def test_a_sheet_shows_face_label_prediction_and_seven_bars(drawn_faces, draw_answers):
    labels, probabilities = draw_answers(50)
    errors = find_confident_errors(labels, probabilities, count=6)
    ax = plots.plot_prediction_sheet(drawn_faces.images[errors.index], errors)
    assert np.array_equal(ax.images[0].get_array(), drawn_faces.images[errors.index[0]])
    row, first = errors.index[0], errors.iloc[0]
    assert texts(ax)[0] == f"{row}: {first['label']}, predicted {first['predicted']} {probabilities[row].max():.0%}"
    assert [bar.get_width() / 40 for bar in ax.patches[:7]] == pytest.approx(list(probabilities[row]))
    assert to_hex(ax.patches[3].get_facecolor()).upper() == EMOTION_COLORS["happy"]
    assert len(ax.images) == 6


def test_occlusion_lies_over_seven_mean_faces():
    maps, faces = np.zeros((2, 7, 48, 48), np.float32)
    maps[3, 30:40, 20:30], maps[1], faces[1] = 0.25, np.nan, np.nan  # no disgust at all
    faces[3] = 255
    ax = plots.plot_maps(maps, faces)
    assert texts(ax) == list(EMOTIONS)
    happy, over = ax.images[6:8]
    assert np.array_equal(happy.get_array(), faces[3])
    assert over.get_array().max() == 0.25 and over.get_clim() == (0, 0.25)
    assert over.get_alpha()[:20].max() == 0


def test_probabilities_are_written_beside_their_bars():
    ax = plots.plot_probabilities(np.array([0.5, 0, 0, 0.25, 0.25, 0, 0]))
    assert texts(ax) == ["50%", "0%", "0%", "25%", "25%", "0%", "0%"]


def test_an_axes_given_is_used():
    _, ax = plt.subplots()
    assert plots.plot_probabilities(np.full(7, 1 / 7), ax=ax) is ax


@pytest.mark.parametrize(("sample", "folder"), [(True, "sample"), (False, ".")])
def test_figures_of_the_embedded_set_stand_apart(monkeypatch, tmp_path, sample, folder):
    monkeypatch.setattr("ferlib.plots._style.FIGURES_DIR", tmp_path)
    figure, _ = plt.subplots()
    plots.save_figure(figure, "00_test", sample=sample)
    path = tmp_path / folder / "00_test.png"
    assert path.with_suffix(".svg").is_file()
    assert plt.imread(path).shape[1] == 7 * 150
