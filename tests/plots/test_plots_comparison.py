import numpy as np
import pandas as pd
import pytest

from ferlib import plots
from ferlib.config import EMOTIONS, MODELS_DIR
from ferlib.evaluation import CORRUPTIONS, compare_recipes, load_run, measure_robustness

pytestmark = pytest.mark.usefixtures("styled_figures")


def test_recipes_stand_with_their_claims_and_the_points_between():
    runs = [load_run(name) for name in ("simple", "simple_seed0", "micro", "oversampled_leaky")]
    table = compare_recipes(runs)
    assert list(table.index) == ["micro", "simple", "oversampled_leaky"]
    assert table["seeds"].to_list() == [1, 2, 1]
    ax = plots.plot_recipes(table)
    mean = (runs[0].accuracy() + runs[1].accuracy()) / 2
    assert ax.texts[1].get_text() == f"{mean:.1%} ({100 * (mean - 0.632):+.1f})"
    assert ax.texts[0].get_text() == f"{runs[2].accuracy():.1%}"
    assert "with the leak" in [text.get_text() for text in ax.get_legend().texts]


def test_every_corruption_is_a_curve_from_the_same_point(drawn_faces):
    table = measure_robustness(lambda images: np.eye(7)[images[:, 24, 24] % 7], drawn_faces.images, drawn_faces.labels)
    ax = plots.plot_robustness(table)
    curves = ax.lines[: len(CORRUPTIONS)]
    assert [curve.get_label() for curve in curves] == list(CORRUPTIONS)
    assert {curve.get_ydata()[0] for curve in curves} == {table["accuracy"].iloc[0]}
    assert [list(curve.get_xdata()) for curve in curves] == [[0, 1, 2, 3, 4, 5]] * len(CORRUPTIONS)
    assert len({curve.get_color() for curve in curves}) == len(CORRUPTIONS)


def test_cures_are_lines_from_the_commonest_emotion_to_the_rarest():
    rows = {("none", 0): 0.2, ("none", 1): 0.4, ("focal", 0): 0.6, ("focal", 1): 0.6}
    recalls = pd.DataFrame({emotion: rows for emotion in EMOTIONS})
    ax = plots.plot_balancing(recalls, pd.Series(range(1, 8), index=EMOTIONS))
    assert [label.get_text() for label in ax.get_legend().texts] == ["none", "focal"]
    assert ax.lines[0].get_ydata() == pytest.approx(np.full(7, 0.3))
    assert next(tick.get_text() for tick in ax.get_xticklabels()) == "neutral\n7"


def test_the_leak_stands_beside_the_claim(trained_run):
    run = load_run(trained_run.name, models_dir=trained_run.parent)
    ax = plots.plot_leak(run, run, claim=0.81)
    end = f"{run.history['val_accuracy'].iloc[-1]:.1%}"
    names = [f"oversampled, then split: {end}", f"split, then oversampled: {end}", "published: 81.0%"]
    assert [text.get_text() for text in ax.texts] == names
    assert list(ax.lines[0].get_ydata()) == list(run.history["val_accuracy"])


def test_experiments_show_what_they_brought():
    table = pd.read_csv(MODELS_DIR / "experiments.csv")
    assert set(table["kept"]) == {"yes", "no"}
    assert table[["without", "with"]].stack().between(0, 1).all()
    ax = plots.plot_experiments(table)
    assert [label.get_text().split(":")[0] for label in ax.get_yticklabels()] == list(table["network"])
    kept = table[table["kept"] == "yes"]
    gains = 100 * (kept["with"] - kept["without"])
    assert list(ax.lines[0].get_xdata()) == pytest.approx(list(gains.clip(-6, 6))) and gains.max() > 6
    assert ax.texts[0].get_text() == f"{table['without'][0]:.1%} → {table['with'][0]:.1%}"
    assert [text.get_text() for text in ax.get_legend().texts] == [
        "kept: in the final recipe",
        "dropped: tried, and left out again",
    ]
