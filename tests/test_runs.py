import dataclasses
import re

import numpy as np
import pytest

from ferlib.evaluate import apply_temperature
from ferlib.predict import load_predictor
from ferlib.runs import format_card, list_networks, list_runs, load_run
from ferlib.testsets import TEST_SETS


@pytest.fixture
def run(trained_run):
    return load_run(trained_run.name, models_dir=trained_run.parent)


def test_a_run_is_read_back(run):
    assert list(run.history["epoch"]) == [1, 2]
    labels, probabilities = run.probabilities["PrivateTest"]
    assert run.evaluate("PrivateTest").n == len(labels) == len(probabilities)


def test_a_missing_run_is_named_with_those_there_are(trained_run):
    with pytest.raises(FileNotFoundError, match=rf"no run 'nonesuch'.*there: {trained_run.name}"):
        load_run("nonesuch", models_dir=trained_run.parent)


def test_a_run_on_fer2013_has_three_test_sets():
    run = load_run(list_runs()[0])
    assert run.test_sets == TEST_SETS
    assert [run.evaluate("PrivateTest", name).n for name in run.test_sets] == [3589, 3301, 3573]


def test_a_run_on_drawn_faces_has_one(run):
    assert run.test_sets == ("published",)
    with pytest.raises(ValueError, match="are not FER2013's"):
        run.evaluate("PrivateTest", "without_twins")


def test_the_temperature_can_be_undone(run):
    labels, raw = run.uncalibrated("PrivateTest")
    stored = run.probabilities["PrivateTest"]
    assert np.array_equal(labels, stored[0])
    assert apply_temperature(raw, run.bundle["temperature"]) == pytest.approx(stored[1], abs=1e-3)


def test_a_card_says_what_its_scores_are_worth(run):
    card, n = format_card(run), run.evaluate("PrivateTest").n
    assert f"| PrivateTest | published | {run.evaluate().accuracy:.1%} [" in card
    assert f"| {n} |" in card and "without twins" not in card.split("Intervals")[0]
    assert "PrivateTest was scored once" in card


def test_a_leaky_run_says_so(run):
    config = run.bundle["config"] | {"split": "leaky"}
    leaky = dataclasses.replace(run, bundle=run.bundle | {"config": config})
    assert leaky.leaky and not run.leaky
    assert "measure memory" in format_card(leaky)
    assert "scored once" not in format_card(leaky)


@pytest.mark.parametrize("name", list_runs())
def test_committed_cards_are_those_of_their_runs(name):
    from ferlib.config import MODELS_DIR

    assert (MODELS_DIR / name / "card.md").read_text(encoding="utf-8") == format_card(load_run(name))


def test_the_card_names_the_runs_that_are_trained_first_to_repeat_it(run):
    taught = dataclasses.replace(run.config, start="begun", teacher="begun+older")
    repeated = dataclasses.replace(run, bundle=run.bundle | {"config": dataclasses.asdict(taught)})
    assert "lacks their networks, it first trains `begun`, `older`." in format_card(repeated)
    assert "first trains" not in format_card(run)


@pytest.mark.parametrize("name", list_runs())
def test_the_command_on_a_card_trains_with_the_settings_of_the_run(name, monkeypatch):
    from ferlib.cli import main

    started = []
    monkeypatch.setattr("ferlib.data.load_faces", lambda source: None)
    monkeypatch.setattr(
        "ferlib.train.train", lambda settings, *_, run_dir, **__: started.append((run_dir.name, settings))
    )
    run = load_run(name)
    command = re.search("To repeat it: `ferlib (.*?)`", format_card(run))[1]
    main(command.split())
    assert started == [(name, run.config)]


def test_the_reading_of_mirrored_faces_is_scored_too(run, drawn_faces, trained_run):
    faces = drawn_faces.select(drawn_faces.usage == "PrivateTest")
    predict = load_predictor(trained_run.name, models_dir=trained_run.parent).predict_images
    both = [
        apply_temperature(predict(x), 1 / run.bundle["temperature"]) for x in (faces.images, faces.images[..., ::-1])
    ]
    accuracy = float((sum(both).argmax(1) == faces.labels).mean())
    assert run.bundle["accuracy_with_mirror_image"]["PrivateTest"] == pytest.approx(accuracy)
    assert f"{accuracy:.1%} on PrivateTest" in format_card(run)


def test_faces_of_a_split_are_those_that_were_scored(run, drawn_faces):
    part = run.select_faces(drawn_faces, "PublicTest")
    assert np.array_equal(part.labels, run.probabilities["PublicTest"][0])
    others = dataclasses.replace(drawn_faces, labels=(drawn_faces.labels + 1) % 7)
    with pytest.raises(ValueError, match="embedded: its PrivateTest faces are not those that run tiny"):
        run.select_faces(others)


def test_robustness_comes_with_the_run_if_it_was_measured(run):
    assert run.robustness is None
    assert load_run("mini_xception").robustness["n"].iloc[0] == 1000


def test_networks_are_listed_with_what_they_cost_and_are_worth(trained_run, run):
    (network,) = list_networks(trained_run.parent)
    scores = run.evaluate("PrivateTest")
    assert (network["name"], network["n"]) == (trained_run.name, scores.n)
    assert (network["accuracy"], network["low"], network["high"]) == pytest.approx((scores.accuracy, *scores.interval))
    shipped = list_networks()
    assert all(load_predictor(network["name"]) for network in shipped)
    assert [n["accuracy"] for n in shipped] == sorted((n["accuracy"] for n in shipped), reverse=True)
