import dataclasses
import json
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from ferlib.predict import load_predictor
from ferlib.runs import load_run
from ferlib.train import AUGMENTATIONS, augment_images, train

FILES = ["bundle.json", "card.md", "history.csv", "model.keras", "model.tflite", "probabilities.npz"]


def test_a_run_folder_holds_its_contract(trained_run, tiny_config, drawn_faces):
    assert sorted(path.name for path in trained_run.iterdir()) == FILES
    bundle = json.loads((trained_run / "bundle.json").read_text())
    assert bundle["config"] == dataclasses.asdict(tiny_config)
    assert bundle["epochs_done"] == 2
    assert bundle["data"]["fingerprint"] == drawn_faces.fingerprint
    assert "PrivateTest: accuracy" in (trained_run / "card.md").read_text()
    assert not trained_run.with_name("tiny.partial").exists()


def test_keras_export_and_stored_probabilities_agree(trained_run, drawn_faces):
    images = drawn_faces.images[drawn_faces.usage == "PrivateTest"]
    exported = load_predictor(trained_run.name, models_dir=trained_run.parent).predict_images(images)
    labels, stored = load_run(trained_run.name, models_dir=trained_run.parent).probabilities["PrivateTest"]
    assert np.array_equal(labels, drawn_faces.labels[drawn_faces.usage == "PrivateTest"])
    assert exported == pytest.approx(stored, abs=1e-3)  # stored as float16
    network = keras.models.load_model(trained_run / "model.keras")
    assert not any("random" in layer.name for layer in network.layers)


def test_a_finished_run_is_not_overwritten(trained_run, tiny_config, drawn_faces):
    with pytest.raises(FileExistsError, match=trained_run.name):
        train(tiny_config, drawn_faces, run_dir=trained_run)


@pytest.mark.parametrize(
    ("setting", "value"), [("model", "vgg"), ("schedule", "steps"), ("balance", "smote"), ("augment", "much")]
)
def test_unknown_settings_are_named_with_the_choices(setting, value, tiny_config, drawn_faces, tmp_path):
    with pytest.raises(ValueError, match=rf"{setting}='{value}'.*expected one of"):
        train(dataclasses.replace(tiny_config, **{setting: value}), drawn_faces, run_dir=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_nothing_to_resume(tiny_config, drawn_faces, tmp_path):
    with pytest.raises(FileNotFoundError, match="no interrupted run"):
        train(tiny_config, drawn_faces, run_dir=tmp_path / "run", resume=True)


def test_every_setting_trains(tiny_config, drawn_faces, tmp_path):
    config = dataclasses.replace(
        tiny_config, epochs=1, schedule="cosine", balance="class_weights", augment="full", label_smoothing=0.1
    )
    run_dir = train(config, drawn_faces, run_dir=tmp_path / "weights", verbose=0)
    assert load_run("weights", models_dir=run_dir.parent).bundle["config"]["balance"] == "class_weights"
    config = dataclasses.replace(tiny_config, epochs=1, balance="oversample")
    assert train(config, drawn_faces, run_dir=tmp_path / "oversampled", verbose=0).is_dir()


def test_a_killed_run_resumes_where_it_was(tmp_path):
    script = """
import sys
from ferlib.config import TrainConfig
from ferlib.data import load_faces
from ferlib.train import train
config = TrainConfig("simple", width=0.1, epochs=4, batch_size=32)
train(config, load_faces("embedded"), run_dir=sys.argv[1], resume=sys.argv[2] == "resume", verbose=0)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "run")]
    history = tmp_path / "run.partial" / "history.csv"
    process = subprocess.Popen([*command, "start"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (history.is_file() and len(history.read_text().splitlines()) >= 3) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (tmp_path / "run").exists()
    subprocess.run([*command, "resume"], check=True, capture_output=True)
    run = load_run("run", models_dir=tmp_path)
    assert run.bundle["epochs_done"] == 4
    assert list(run.history["epoch"]) == [1, 2, 3, 4]


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_augmentation_keeps_shape_and_range(augment, drawn_faces):
    changed = augment_images(drawn_faces.images[:8], augment=augment)
    assert changed.shape == (8, 48, 48)
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert np.array_equal(changed, drawn_faces.images[:8]) == (augment == "none")
