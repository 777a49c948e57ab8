import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from ferlib.compare import (
    average_seeds,
    check_scores,
    choose_seeds,
    compare_pairs,
    compare_predictions,
    compare_runs,
)
from ferlib.config import MODERN, RECIPES
from ferlib.predict import load_predictor
from ferlib.results import README_MARKS, format_comparison, format_results, write_results
from ferlib.runs import format_card, load_run


@pytest.fixture
def run(trained_run):
    return load_run(trained_run.name, models_dir=trained_run.parent)


def changed(run, name, *, config=(), shift=0, **bundle):
    """The run under another name and, but for `config`, with published settings; its answers moved by `shift` faces."""
    settings = dataclasses.asdict(RECIPES["simple"]) | dict(config)
    probabilities = {usage: (labels, np.roll(p, shift, axis=0)) for usage, (labels, p) in run.probabilities.items()}
    bundle = run.bundle | {"config": settings} | bundle
    return dataclasses.replace(run, name=name, bundle=bundle, probabilities=probabilities)


def perfect(run, name, **given):
    better = {usage: (labels, np.eye(7, dtype=np.float32)[labels]) for usage, (labels, _) in run.probabilities.items()}
    return dataclasses.replace(changed(run, name, **given), probabilities=better)


def test_only_faces_that_tell_two_networks_apart_count():
    labels = np.zeros(100, int)
    first, second = (
        np.eye(7)[np.repeat([0, 0, 3, 3], [70, 12, 3, 15])],
        np.eye(7)[np.repeat([0, 3, 0, 3], [70, 12, 3, 15])],
    )
    found = compare_predictions(labels, first, second)
    assert (found.only_first, found.only_second, found.n) == (12, 3, 100)
    assert found.difference == pytest.approx(0.09)
    assert found.p_value == pytest.approx(2 * binom.cdf(3, 15, 0.5))
    assert found.interval[0] < 0.09 < found.interval[1]


def test_a_network_does_not_differ_from_itself():
    same = np.eye(7)[[0, 1, 2]]
    found = compare_predictions(np.array([0, 1, 3]), same, same)
    assert (found.difference, found.p_value) == (0, 1)


def test_many_pairs_are_judged_more_strictly(run):
    others = [changed(run, f"other {shift}", shift=shift) for shift in (1, 2, 3)]
    table = compare_pairs([(perfect(run, "perfect"), other) for other in others] + [(run, run)])
    assert (table["p, Holm"] >= table["p"]).all()
    assert table["p, Holm"].min() == pytest.approx(4 * table["p"].min())
    assert table.loc[(run.name, run.name), "p, Holm"] == 1
    assert (table["low"][:3] > 0).all()


def test_no_pairs_make_an_empty_table():
    assert compare_pairs([]).index.names == ["first", "second"]


def test_runs_on_other_faces_are_not_paired(run):
    fewer = {usage: (labels[1:], p[1:]) for usage, (labels, p) in run.probabilities.items()}
    with pytest.raises(ValueError, match="were not scored on the same faces"):
        compare_pairs([(run, dataclasses.replace(run, probabilities=fewer))])


def test_the_table_holds_claim_score_and_cost(run):
    known = changed(run, "known", multiply_adds=12_000_000, file_bytes=2_500_000, milliseconds=1.5, machine="a machine")
    short = changed(run, "short", config=MODERN | {"epochs": 3})
    table = compare_runs([known, short, changed(run, "tuned", config={"schedule": "cosine"}), run])
    assert table.loc["known", "claim"] == 0.632
    assert np.isnan(table.loc[["short", "tuned", run.name], "claim"]).all()
    assert table.loc["known", "published"] == run.evaluate("PrivateTest").accuracy
    assert table.loc["known", "published low"] == run.evaluate("PrivateTest").interval[0]
    assert (table.loc["known", "epochs"], table.loc["known", "planned"]) == (2, 50)
    assert table.loc[["short", "tuned"], "planned"].to_list() == [40, 50]
    text = format_comparison(table)
    assert text.loc["known", "epochs"] == "2 of 50"
    assert text.loc["known", ["claim", "M multiply-adds", "file, MB", "ms a face"]].to_list() == [
        *["63.2%", "12.0", "2.5", "1.50"]
    ]


def test_a_run_that_went_on_from_another_says_so(run):
    further = changed(run, "further", config={"epochs": 2, "start": "known"})
    assert format_comparison(compare_runs([further])).loc["further", "epochs"] == "2 of 2 after known"
    assert "2 epochs from the weights of `known`." in format_card(further)


def test_seeds_of_the_same_settings_are_averaged(run):
    best, other = perfect(run, "best", config={"seed": 1}), changed(run, "other")
    table = average_seeds([other, best, changed(run, "longer", config={"epochs": 51})])
    accuracy = other.evaluate().accuracy
    assert list(table.index) == ["best"]
    assert table.loc["best"].to_list() == pytest.approx([2, (1 + accuracy) / 2, (1 - accuracy) / 2**0.5])
    assert [chosen.name for chosen in choose_seeds([other, best])] == ["best"]
    assert f"`best` over 2 seeds: {(1 + accuracy) / 2:.1%}" in format_results([best, other])


def test_seeds_may_each_have_gone_on_from_a_seed(run):
    begun = [changed(run, f"begun {seed}", config={"seed": seed}) for seed in (0, 1)]
    ended = [changed(run, f"ended {seed}", config={"seed": seed, "start": f"begun {seed}"}) for seed in (0, 1)]
    longer = changed(run, "longer", config={"epochs": 51})
    others = [changed(run, f"after {start}", config={"start": start}) for start in ("longer", "a run that is gone")]
    assert average_seeds([*begun, *ended, longer, *others])["seeds"].to_dict() == {"begun 0": 2, "ended 0": 2}


def test_what_an_old_run_does_not_tell_stays_empty(run):
    bundle = {key: run.bundle[key] for key in ("config", "parameters", "epochs_done")}
    text = format_comparison(compare_runs([dataclasses.replace(run, bundle=bundle)]))
    costs = ["claim", "M multiply-adds", "file, MB", "ms a face"]
    assert text.loc[run.name, [*costs, "without twins", "faces only"]].to_list() == [""] * 6


def test_a_run_that_saw_the_test_faces_is_never_ranked(run):
    leaky = perfect(run, "leaky", config={"split": "leaky"})
    assert list(compare_runs([leaky, run]).index) == [run.name, "leaky"]
    honest, sentence, apart, machines = format_results([leaky, run]).split("\n\n")
    assert "leaky" not in honest and run.name in honest
    assert "not comparable" in sentence
    assert "[leaky](models/leaky/card.md)" in apart
    assert run.bundle["machine"] in machines


def test_results_are_written_between_their_marks(run, tmp_path):
    readme, (start, end) = tmp_path / "README.md", README_MARKS
    readme.write_text(f"before\n\n{start}\nold\n{end}\n\nafter\n")
    (tmp_path / run.name).mkdir()
    for _ in range(2):
        write_results([run], readme=readme, models_dir=tmp_path)
    text = readme.read_text()
    assert text == f"before\n\n{start}\n\n{format_results([run])}\n\n{end}\n\nafter\n"
    assert (tmp_path / run.name / "card.md").read_text().startswith(f"# {run.name}")


def test_a_readme_without_marks_is_left_alone(run, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# nothing")
    with pytest.raises(ValueError, match=r"README\.md lacks the line <!-- results"):
        write_results([run], readme=readme, models_dir=tmp_path)
    assert readme.read_text() == "# nothing"


def test_markdown_has_a_row_a_run(run):
    lines = format_results([run, changed(run, "other")]).split("\n\n")[0].splitlines()
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert isinstance(compare_runs([run]), pd.DataFrame)


def test_predicting_anew_tells_a_network_from_another(run, trained_run, drawn_faces):
    predictor = load_predictor(run.name, models_dir=trained_run.parent)
    same = check_scores(run, predictor.predict_images, drawn_faces)
    assert (same["stored"] - same["anew"]).abs().max() <= 1 / same["n"].min()
    assert same["largest difference"].max() < 0.01
    other = check_scores(run, lambda images: np.eye(7)[np.full(len(images), 1)], drawn_faces)
    assert other["read otherwise"].sum() > 0 and other["largest difference"].max() > 0.5
