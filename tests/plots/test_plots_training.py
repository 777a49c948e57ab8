import dataclasses

import pytest

from ferlib import plots
from ferlib.evaluation import load_run

pytestmark = pytest.mark.usefixtures("styled_figures")


def test_history_marks_the_epoch_that_was_kept(run):
    ax = plots.plot_history(run.history)
    train, public, circle = ax.lines
    assert list(train.get_ydata()) == list(run.history["accuracy"])
    assert circle.get_ydata()[0] == max(public.get_ydata())


def test_curves_show_accuracy_loss_and_the_scores_of_publictest(trained_run):
    run = load_run(trained_run.name, models_dir=trained_run.parent)
    accuracy, loss, scores = plots.plot_curves(run.history)
    assert list(accuracy.lines[1].get_ydata()) == list(run.history["val_accuracy"])
    assert list(loss.lines[1].get_ydata()) == list(run.history["val_loss"])
    assert [text.get_text() for text in scores.get_legend().texts] == ["precision", "recall", "macro-F1"]
    assert list(scores.lines[2].get_ydata()) == list(run.history["val_macro_f1"])


def test_histories_are_named_at_their_ends_without_covering_each_other(run):
    twin = dataclasses.replace(run, name="twin")
    ax = plots.plot_histories([run, twin])
    assert [text.get_text() for text in ax.texts] == ["tiny", "twin"]
    heights = [text.get_position()[1] for text in ax.texts]
    assert abs(heights[0] - heights[1]) > 0.02
    assert list(ax.lines[0].get_ydata()) == list(run.history["val_accuracy"])


def test_a_history_begins_where_the_run_ended_whose_weights_it_took(run):
    config = dataclasses.replace(run.config, init_from=run.name)
    metadata = dataclasses.replace(run.metadata, config=config)
    further = dataclasses.replace(run, name="further", metadata=metadata)
    ax = plots.plot_histories([run, further])
    assert [list(line.get_xdata()) for line in ax.lines] == [[1, 2], [3, 4]]


def test_rates_stretch_over_the_run():
    ax = plots.plot_rates({"constant": [0.1] * 5, "falling": [0.2, 0.1, 0.0]})
    assert [list(line.get_xdata()) for line in ax.lines] == [[0, 0.25, 0.5, 0.75, 1], [0, 0.5, 1]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["constant", "falling"]


def test_a_live_plot_shows_the_epochs_so_far(run, monkeypatch):
    shown = []

    class Handle:
        def update(self, figure):
            shown.append(len(figure.axes[0].lines[0].get_xdata()))

    monkeypatch.setattr("IPython.display.display", lambda figure, display_id: Handle())
    watch = plots.live_plot()
    for epoch in (1, 2):
        watch(run.history[:epoch])
    assert shown == [1, 2]
    assert len(watch.figure.axes[0].lines) == 3
