import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ferlib.config import DEMO_RUN, MODELS_DIR, PROJECT_DIR
from ferlib.data import TEST_SETS
from ferlib.evaluation import (
    apply_temperature,
    evaluate,
    list_networks,
    list_runs,
    load_run,
    read_metadata,
    write_occlusion,
    write_robustness,
)
from ferlib.evaluation._metadata import write_metadata
from ferlib.inference import load_predictor


def test_a_run_is_loaded(run):
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


def test_a_run_on_fer2013_is_scored_with_other_labels_too():
    run = load_run("compact")
    scores = run.evaluate(labels="ferplus")
    assert scores.n == 3153 and run.evaluate("PrivateTest", "deduplicated", labels="ferplus").n < 3153
    assert scores.names[-1] == "contempt" and scores.recall[-1] == 0 and scores.confusion[-1].sum() == 16
    assert scores.accuracy == run.accuracy(labels="ferplus") != run.accuracy()
    assert run.evaluate(labels="majority").n == 2720


def test_a_run_on_drawn_faces_has_one(run):
    assert run.test_sets == ("published",)
    with pytest.raises(ValueError, match="are not FER2013's"):
        run.evaluate("PrivateTest", "deduplicated")
    with pytest.raises(ValueError, match="are not FER2013's"):
        run.evaluate("PrivateTest", labels="ferplus")


def test_the_temperature_can_be_undone(run):
    labels, raw = run.uncalibrated("PrivateTest")
    stored = run.probabilities["PrivateTest"]
    assert np.array_equal(labels, stored[0])
    assert apply_temperature(raw, run.metadata.temperature) == pytest.approx(stored[1], abs=1e-3)


def test_mirrored_faces_are_scored_too(run, drawn_faces, trained_run):
    faces = drawn_faces.part("PrivateTest")
    predict = load_predictor(trained_run.name, models_dir=trained_run.parent).predict_images
    both = [
        apply_temperature(predict(x), 1 / run.metadata.temperature) for x in (faces.images, faces.images[..., ::-1])
    ]
    accuracy = float((sum(both).argmax(1) == faces.labels).mean())
    assert run.metadata.accuracy_with_mirror_image["PrivateTest"] == pytest.approx(accuracy)


def test_faces_of_a_split_are_those_that_were_scored(run, drawn_faces):
    part = run.select_faces(drawn_faces, "PublicTest")
    assert np.array_equal(part.labels, run.probabilities["PublicTest"][0])
    others = dataclasses.replace(drawn_faces, labels=(drawn_faces.labels + 1) % 7)
    with pytest.raises(ValueError, match="embedded: its PrivateTest faces are not those that run tiny"):
        run.select_faces(others)


def test_robustness_comes_with_the_run_if_it_was_measured(run):
    assert run.robustness is None
    assert load_run("mini_xception").robustness["n"].iloc[0] == 1000


def test_what_is_measured_of_a_run_comes_with_it(run, trained_run, drawn_faces, tmp_path):
    shutil.copytree(trained_run, tmp_path / run.name)

    def predict_images(images):
        return np.eye(7)[images[:, 24, 24] % 7]

    for write, name in ((write_robustness, "robustness.csv"), (write_occlusion, "occlusion.npz")):
        assert write(run, predict_images, drawn_faces, models_dir=tmp_path) == tmp_path / run.name / name
    measured = load_run(run.name, models_dir=tmp_path)
    assert (measured.robustness["n"] == len(run.probabilities["PublicTest"][0])).all()
    assert [maps.shape for maps in measured.occlusion] == [(7, 48, 48)] * 2


def test_metadata_are_written_as_they_were_read(run, tmp_path):
    write_metadata(tmp_path, run.metadata)
    assert read_metadata(tmp_path) == run.metadata
    assert run.metadata.name == run.name and run.metadata.config == run.config


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"emotions": ["happy"]}, "emotions happy, expected angry disgust"),
        ({"input": {"height": 64}}, "input .*64.*expected .*48"),
        ({"temperature": 0}, "temperature 0.0, expected more than 0"),
        ({"temperature": "warm"}, "is damaged"),
        ({"config": {"split": "official"}}, "is damaged .*'split'"),
        ({"emotions": None}, "lacks 'emotions'"),
        ({"backend": None}, "is damaged .*'backend'"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(changes, sentence, trained_run, tmp_path):
    kept = json.loads((trained_run / "metadata.json").read_text()) | changes
    kept = {key: value for key, value in kept.items() if value is not None}
    (tmp_path / "metadata.json").write_text(json.dumps(kept))
    with pytest.raises(ValueError, match=sentence):
        read_metadata(tmp_path)


def test_metadata_are_light():
    code = "import sys; from ferlib.evaluation import apply_temperature, list_runs, read_metadata"
    code += (
        "; read_metadata('models/compact'); print(*{'pandas', 'sklearn', 'scipy', 'keras', 'cv2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("path", sorted(MODELS_DIR.rglob("metadata.json")), ids=lambda path: path.parent.name)
def test_committed_metadata_are_as_they_would_be_written(path, tmp_path):
    metadata = read_metadata(path.parent)
    write_metadata(tmp_path, metadata)
    assert (tmp_path / "metadata.json").read_text() == path.read_text()
    assert metadata.name == path.parent.name


def test_networks_are_listed_with_what_they_cost_and_are_worth(trained_run, run):
    (network,) = list_networks(trained_run.parent)
    scores = run.evaluate("PrivateTest")
    assert (network["name"], network["n"]) == (trained_run.name, scores.n)
    assert (network["accuracy"], network["low"], network["high"]) == pytest.approx((scores.accuracy, *scores.interval))
    shipped = list_networks()
    assert all(load_predictor(network["name"]) for network in shipped)
    assert [n["accuracy"] for n in shipped] == sorted((n["accuracy"] for n in shipped), reverse=True)


def test_the_demos_network_is_calibrated_robust_and_at_home_before_a_camera():
    run = load_run(DEMO_RUN)
    assert run.config.labels == "ferplus"
    labels, probabilities = run.select(labels="majority")
    scores = evaluate(labels, run.adjust(probabilities))
    assert scores.accuracy > 0.9 and scores.balanced_accuracy > 0.85 and scores.calibration_error < 0.06
    mild = run.robustness.groupby("severity")["accuracy"].mean()
    assert mild[0] - mild[1] < 0.03
    pictures = {name: load_run(name).in_pictures.set_index("way") for name in (DEMO_RUN, "compact")}
    ways = {name: table["accuracy, found by BlazeFace"] for name, table in pictures.items()}
    lost = {name: accuracy["as it was"] - accuracy["aligned"] for name, accuracy in ways.items()}
    assert ways[DEMO_RUN]["aligned"] > 0.85 and lost[DEMO_RUN] < lost["compact"] / 3
