import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.inference import FacePrediction, draw_predictions
from ferlib.plots import plot_pipeline, plot_prediction, plot_timeline


@pytest.fixture
def photo():
    return np.full((300, 400, 3), 90, np.uint8)


@pytest.fixture
def prediction():
    keypoints = np.array([[110.0, 60], [140, 60], [125, 75], [125, 95]])
    crop, probabilities = np.full((48, 48), 90, np.uint8), np.eye(7)[3] * 0.8 + 0.2 / 7
    return FacePrediction((90, 40, 70, 70), 0.9, keypoints, crop=crop, probabilities=probabilities)


def test_a_photo_carries_its_predictions(photo, prediction):
    ax = plot_prediction(photo, [prediction])
    assert np.array_equal(ax.images[0].get_array(), draw_predictions(photo, [prediction]))
    _, given = plt.subplots()
    assert plot_prediction(photo, [], ax=given) is given


def test_the_pipeline_shows_every_step(photo, prediction):
    def mouth_matters(images):
        share = images[:, 30:40, 20:28].std((1, 2)) == 0
        return np.eye(7)[3] * share[:, None]

    axes = plot_pipeline(photo, prediction, mouth_matters)
    assert [ax.get_title(loc="left") or ax.get_title() for ax in axes] == [
        *["1 photo", "2 found", "3 upright, 48x48", "4 what spoke for happy", "5 happy"]
    ]
    assert np.array_equal(axes[2].images[0].get_array(), prediction.crop)
    assert len(axes[1].collections[0].get_offsets()) == 4
    assert max(bar.get_width() for bar in axes[4].patches) == pytest.approx(prediction.probabilities.max())


def test_a_timeline_has_a_band_a_person_and_gaps_where_nobody_is_seen():
    times = np.r_[0:2:0.1, 5:7:0.1]
    rows = [(time, person, 0, 0, 9, 9, *np.eye(7)[3]) for time in times for person in (1, 2)]
    table = pd.DataFrame(rows, columns=["time", "person", "x", "y", "width", "height", *EMOTIONS])
    ax = plot_timeline(table)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["person 1", "person 2"]
    happy = [band for band in ax.collections if to_hex(band.get_facecolor()[0]).upper() == EMOTION_COLORS["happy"]]
    heights = [np.ptp(band.get_paths()[0].vertices[:, 1]) for band in happy]
    assert len(happy) == 4 and np.allclose(heights, 0.85)
    assert plot_timeline(table, most=1).get_yticks().size == 1
    assert plot_timeline(table[:0]).get_yticks().size == 0
