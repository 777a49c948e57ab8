import pytest

from ferlib.runs import compare_runs, load_run


def test_a_run_is_read_back(trained_run):
    run = load_run(trained_run.name, models_dir=trained_run.parent)
    assert list(run.history["epoch"]) == [1, 2]
    labels, probabilities = run.probabilities["PrivateTest"]
    assert run.evaluate("PrivateTest").n == len(labels) == len(probabilities)
    table = compare_runs([run])
    assert table.loc[run.name, "PrivateTest"] == run.evaluate("PrivateTest").accuracy


def test_a_missing_run_is_named_with_those_there_are(trained_run):
    with pytest.raises(FileNotFoundError, match=rf"no run 'nonesuch'.*there: {trained_run.name}"):
        load_run("nonesuch", models_dir=trained_run.parent)
