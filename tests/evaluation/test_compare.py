import dataclasses

import numpy as np
import pytest
from scipy.stats import binom

from ferlib.evaluation import (
    average_seeds,
    check_scores,
    compare_pairs,
    compare_recipes,
    compare_runs,
    format_comparison,
    format_pairs,
    format_recipes,
)
from ferlib.inference import load_predictor
from ferlib.recipes import MODERN, RECIPES


def changed(run, name, *, config=None, shift=0, **metadata):
    """The run under another name and, but for `config`, with published settings; its predictions moved by `shift`."""
    settings = dataclasses.replace(RECIPES["simple"], **config or {})
    probabilities = {split: (labels, np.roll(p, shift, axis=0)) for split, (labels, p) in run.probabilities.items()}
    metadata = dataclasses.replace(run.metadata, **{"config": settings} | metadata)
    return dataclasses.replace(run, name=name, metadata=metadata, probabilities=probabilities)


def predicting(run, **predicted):
    """The run with other certain predictions, by split."""
    given = {split: (run.probabilities[split][0], np.eye(7, dtype=np.float32)[p]) for split, p in predicted.items()}
    return dataclasses.replace(run, probabilities=run.probabilities | given)


def perfect(run, name, **given):
    labels = {split: labels for split, (labels, _) in run.probabilities.items()}
    return predicting(changed(run, name, **given), **labels)


def test_only_faces_that_tell_two_networks_apart_count(run):
    labels = np.zeros(100, int)
    run = dataclasses.replace(run, probabilities={"PrivateTest": (labels, np.eye(7)[labels])})
    pair = [
        dataclasses.replace(predicting(run, PrivateTest=np.repeat(p, [70, 12, 3, 15])), name=str(p))
        for p in ([0, 0, 3, 3], [0, 3, 0, 3])
    ]
    (found,) = compare_pairs([pair]).to_dict("records")
    assert (found["only first"], found["only second"]) == (12, 3)
    assert found["difference"] == pytest.approx(0.09)
    assert found["p"] == pytest.approx(2 * binom.cdf(3, 15, 0.5))
    assert found["low"] < 0.09 < found["high"]


def test_many_pairs_are_judged_more_strictly(run):
    others = [changed(run, f"other {shift}", shift=shift) for shift in (1, 2, 3)]
    table = compare_pairs([(perfect(run, "perfect"), other) for other in others] + [(run, run)])
    assert (table["p, Holm"] >= table["p"]).all()
    assert table["p, Holm"].min() == pytest.approx(4 * table["p"].min())
    assert table.loc[(run.name, run.name), ["difference", "p, Holm"]].to_list() == [0, 1]
    assert (table["low"][:3] > 0).all()


def test_pairs_are_told_in_points(run):
    text = format_pairs(compare_pairs([(perfect(run, "perfect"), run)])).loc["perfect - tiny"]
    assert text["points [95 % interval]"].startswith(f"{100 * (1 - run.accuracy()):+.1f} [+")
    assert text["p, Holm"] == "< 0.0001"


def test_recipes_are_compared_once_they_are_as_long_as_published(run):
    seeds = [changed(run, f"simple{seed}", config={"seed": seed}, epochs_done=50) for seed in (0, 1)]
    seeds[0] = dataclasses.replace(perfect(run, "simple", config={"seed": 0}, epochs_done=50))
    short = changed(run, "attention", config=dataclasses.asdict(RECIPES["attention"]) | {"epochs": 12}, epochs_done=12)
    table = compare_recipes([*seeds, short, run])
    assert list(table.index) == ["simple"]
    mean, spread = (1 + run.accuracy()) / 2, (1 - run.accuracy()) / 2**0.5
    assert table.loc["simple", ["accuracy", "spread", "seeds"]].to_list() == pytest.approx([mean, spread, 2])
    text = format_recipes(table).loc["simple"]
    assert text["score"] == f"{mean:.1%} ± {100 * spread:.1f} over 2 seeds"
    assert text["points"] == f"{100 * (mean - 0.632):+.1f}"


def test_no_pairs_make_an_empty_table():
    assert compare_pairs([]).index.names == ["first", "second"]


def test_runs_on_other_faces_are_not_paired(run):
    fewer = {split: (labels[1:], p[1:]) for split, (labels, p) in run.probabilities.items()}
    with pytest.raises(ValueError, match="were not scored on the same faces"):
        compare_pairs([(run, dataclasses.replace(run, probabilities=fewer))])


def test_the_table_holds_claim_score_and_cost(run):
    known = changed(run, "known", multiply_adds=12_000_000, file_bytes=2_500_000, milliseconds=1.5, machine="a machine")
    short = changed(run, "short", config=MODERN | {"epochs": 3, "seed": 0})
    table = compare_runs([known, short, changed(run, "tuned", config={"schedule": "cosine"}), run])
    assert table.loc["known", "claim"] == 0.632
    assert np.isnan(table.loc[["short", "tuned", run.name], "claim"]).all()
    assert table.loc["known", "published"] == run.evaluate("PrivateTest").accuracy
    assert table.loc["known", "published low"] == run.evaluate("PrivateTest").interval[0]
    assert (table.loc["known", "epochs"], table.loc["known", "planned"]) == (2, 50)
    assert table.loc[["short", "tuned"], "planned"].to_list() == [40, 50]
    assert table["complete"].to_dict() == {"known": False, "short": False, "tuned": False, run.name: True}
    text = format_comparison(table)
    assert text.loc["known", "epochs"] == "2 of 50"
    assert text.loc["known", ["claim", "M multiply-adds", "file, MB", "ms a face"]].to_list() == [
        *["63.2%", "12.0", "2.5", "1.50"]
    ]


def test_a_run_that_went_on_from_another_says_so(run):
    further = changed(run, "further", config={"epochs": 2, "init_from": "known"})
    assert format_comparison(compare_runs([further])).loc["further", "epochs"] == "2 of 2 after known"


def test_early_stopping_completes_a_run(run):
    stopped = changed(run, "stopped", config=dataclasses.asdict(RECIPES["attention"]))
    table = compare_runs([stopped, changed(run, "short")])
    assert table["complete"].to_dict() == {"stopped": True, "short": False}
    assert format_comparison(table).loc["stopped", "epochs"] == "2 of 80, stopped early"


def test_seeds_of_the_same_settings_are_averaged(run):
    best, other = perfect(run, "best", config={"seed": 1}), changed(run, "other")
    table = average_seeds([other, best, changed(run, "longer", config={"epochs": 51})])
    accuracy = other.accuracy()
    assert list(table.index) == ["best"]
    assert table.loc["best"].to_list() == pytest.approx([2, (1 + accuracy) / 2, (1 - accuracy) / 2**0.5])


def test_seeds_may_each_have_gone_on_from_a_seed(run):
    begun = [changed(run, f"begun {seed}", config={"seed": seed}) for seed in (0, 1)]
    ended = [changed(run, f"ended {seed}", config={"seed": seed, "init_from": f"begun {seed}"}) for seed in (0, 1)]
    longer = changed(run, "longer", config={"epochs": 51})
    others = [changed(run, f"after {start}", config={"init_from": start}) for start in ("longer", "a run that is gone")]
    assert average_seeds([*begun, *ended, longer, *others])["seeds"].to_dict() == {"begun 0": 2, "ended 0": 2}


def test_what_a_run_does_not_tell_stays_empty(run):
    metadata = dataclasses.replace(run.metadata, file_bytes=None, milliseconds=None)
    text = format_comparison(compare_runs([dataclasses.replace(run, metadata=metadata)]))
    assert text.loc[run.name, ["claim", "file, MB", "ms a face", "deduplicated", "faces only"]].to_list() == [""] * 5


def test_a_run_that_saw_the_test_faces_is_never_ranked(run):
    assert list(compare_runs([perfect(run, "leaky", config={"split_protocol": "leaky"}), run]).index) == [
        run.name,
        "leaky",
    ]


def test_predicting_anew_tells_a_network_from_another(run, trained_run, drawn_faces):
    predictor = load_predictor(run.name, models_dir=trained_run.parent)
    same = check_scores(run, predictor.predict_images, drawn_faces)
    assert (same["stored"] - same["anew"]).abs().max() <= 1 / same["n"].min()
    assert same["largest difference"].max() < 0.01
    other = check_scores(run, lambda images: np.eye(7)[np.full(len(images), 1)], drawn_faces)
    assert other["changed"].sum() > 0 and other["largest difference"].max() > 0.5
