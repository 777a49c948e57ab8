import dataclasses
import re

import pytest

from ferlib.config import MODELS_DIR
from ferlib.evaluation import format_card, list_runs, load_run
from tools.write_results import format_cards


def changed(run, name, config):
    return dataclasses.replace(run, name=name, metadata=dataclasses.replace(run.metadata, config=config))


def test_a_card_says_what_its_scores_are_worth(run):
    card, n = format_card(run), run.evaluate("PrivateTest").n
    assert f"| PrivateTest | FER2013 | published | {run.accuracy():.1%} [" in card
    assert f"| {n} |" in card and "deduplicated" not in card.split("Intervals")[0]
    assert "PrivateTest was scored once" in card
    mirrored = run.metadata.accuracy_with_mirror_image["PrivateTest"]
    assert f"{mirrored:.1%} on PrivateTest" in card


def test_a_leaky_run_says_so(run):
    card = format_card(changed(run, "leaky", dataclasses.replace(run.config, split_protocol="leaky")))
    assert "measure memory" in card and "scored once" not in card


def test_a_card_names_the_runs_that_are_trained_first_to_repeat_it(run):
    config = dataclasses.replace(run.config, init_from="begun", teacher="begun+older")
    card = format_card(changed(run, "student", config))
    assert "lacks their networks, it first trains `begun`, `older`." in card
    assert "2 epochs from the weights of `begun`." in card
    assert "first trains" not in format_card(run)


def test_committed_cards_are_those_of_their_runs():
    for name, card in format_cards([load_run(name) for name in list_runs()]).items():
        assert (MODELS_DIR / name / "card.md").read_text(encoding="utf-8") == card


@pytest.mark.parametrize("name", list_runs())
def test_the_command_on_a_card_trains_with_the_settings_of_the_run(name, monkeypatch, tmp_path):
    from ferlib.cli import main

    started = []
    monkeypatch.setattr("ferlib.config.MODELS_DIR", tmp_path)  # else its name is taken
    monkeypatch.setattr("ferlib.data.load_faces", lambda source: None)
    monkeypatch.setattr(
        "ferlib.training.train", lambda settings, *_, run_dir, **__: started.append((run_dir.name, settings))
    )
    command = re.search("To repeat it: `ferlib (.*?)`", (MODELS_DIR / name / "card.md").read_text())[1]
    main(command.split())
    assert started == [(name, load_run(name).config)]
