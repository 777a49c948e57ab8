import dataclasses
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from ferlib._atomic import UNFINISHED
from ferlib.evaluation import compare_runs, list_networks, load_run, read_metadata
from ferlib.inference import load_predictor
from ferlib.recipes import DISTILLED, FERPLUS, FROM_SCRATCH, MODERN, OWN, RECIPES, TEACHERS, ZOO
from ferlib.training import export_run, resume_run, train, train_zoo

FILES = ["card.md", "history.csv", "metadata.json", "model.keras", "model.tflite", "probabilities.npz"]


def test_a_run_folder_holds_its_contract(trained_run, tiny_config, drawn_faces):
    assert sorted(path.name for path in trained_run.iterdir()) == FILES
    metadata = read_metadata(trained_run)
    assert metadata.config == tiny_config
    assert metadata.epochs_done == 2
    assert metadata.file_bytes == (trained_run / "model.tflite").stat().st_size
    assert metadata.milliseconds > 0
    assert metadata.data["fingerprint"] == drawn_faces.fingerprint
    assert "| PrivateTest | FER2013 | published |" in (trained_run / "card.md").read_text()
    assert not trained_run.with_name("tiny.partial").exists()


def test_keras_export_and_stored_probabilities_agree(trained_run, drawn_faces):
    images = drawn_faces.part("PrivateTest").images
    exported = load_predictor(trained_run.name, models_dir=trained_run.parent).predict_images(images)
    labels, stored = load_run(trained_run.name, models_dir=trained_run.parent).probabilities["PrivateTest"]
    assert np.array_equal(labels, drawn_faces.part("PrivateTest").labels)
    assert exported == pytest.approx(stored, abs=1e-5)
    network = keras.models.load_model(trained_run / "model.keras")
    assert not any("random" in layer.name for layer in network.layers)


def test_a_finished_run_is_not_overwritten(trained_run, tiny_config, drawn_faces):
    with pytest.raises(FileExistsError, match=trained_run.name):
        train(tiny_config, drawn_faces, run_dir=trained_run)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("model", "alexnet"),
        ("optimizer", "lion"),
        ("schedule", "steps"),
        ("balance", "smote"),
        ("split_protocol", "random"),
        ("augment", "much"),
        ("mix", "mosaic"),
    ],
)
def test_unknown_settings_are_named_with_the_choices(setting, value, tiny_config, drawn_faces, tmp_path):
    with pytest.raises(ValueError, match=rf"{setting}='{value}'.*expected one of"):
        train(dataclasses.replace(tiny_config, **{setting: value}), drawn_faces, run_dir=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_teacher_without_a_share_is_refused(tiny_config, drawn_faces, tmp_path):
    with pytest.raises(ValueError, match="go together"):
        train(dataclasses.replace(tiny_config, teacher="compact"), drawn_faces, run_dir=tmp_path / "run")


def test_a_run_goes_on_from_the_weights_of_another(tiny_config, trained_run, drawn_faces, tmp_path):
    further = dataclasses.replace(tiny_config, init_from=trained_run.name, epochs=1, learning_rate=0.0)
    train(further, drawn_faces, run_dir=tmp_path / "further", models_dir=trained_run.parent, verbose=False)
    started, ended = (keras.models.load_model(run / "model.keras") for run in (trained_run, tmp_path / "further"))
    assert all(map(np.array_equal, started.get_weights(), ended.get_weights()))


def test_teachers_that_come_without_their_networks_are_trained_first(
    tiny_config, trained_run, drawn_faces, tmp_path, capsys
):
    shutil.copytree(trained_run, tmp_path / "teacher")
    student = dataclasses.replace(tiny_config, teacher="teacher", distillation=0.5, epochs=1)
    options = dict(run_dir=tmp_path / "student", models_dir=tmp_path, verbose=True)
    assert train(student, drawn_faces, **options)
    (tmp_path / "teacher" / "model.keras").unlink()
    assert train(student, drawn_faces, overwrite=True, time_limit=0, **options) is None
    assert not (tmp_path / "teacher" / "model.keras").exists()
    capsys.readouterr()
    assert resume_run(tmp_path / "student", drawn_faces, overwrite=True, models_dir=tmp_path)
    epochs = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert epochs == ["teacher, epoch 1/2", "teacher, epoch 2/2", "student, epoch 1/1"]
    assert_same_run(tmp_path, "teacher", trained_run)


def test_a_teacher_that_does_not_exist_is_named(tiny_config, drawn_faces, tmp_path):
    student = dataclasses.replace(tiny_config, teacher="nobody", distillation=0.5)
    with pytest.raises(FileNotFoundError, match="no run 'nobody'"):
        train(student, drawn_faces, run_dir=tmp_path / "student", models_dir=tmp_path)


def test_nothing_to_resume(drawn_faces, tmp_path):
    with pytest.raises(FileNotFoundError, match="no interrupted run"):
        resume_run(tmp_path / "run", drawn_faces)


def test_weighted_faces_and_early_stopping(tiny_config, drawn_faces, tmp_path):
    config = dataclasses.replace(
        tiny_config, epochs=9, learning_rate=0.0, patience=2, balance="class_weights", schedule="plateau", mix="cutmix"
    )
    train(config, drawn_faces, run_dir=tmp_path / "stuck", verbose=False)
    assert load_run("stuck", models_dir=tmp_path).metadata.epochs_done == 3


def test_the_leaky_split_trains_on_the_test_splits(tiny_config, drawn_faces, tmp_path, capsys):
    seen = []
    config = dataclasses.replace(tiny_config, epochs=1, split_protocol="leaky", balance="oversample")
    train(config, drawn_faces, run_dir=tmp_path / "leaky", on_epoch=seen.append)
    largest = np.bincount(drawn_faces.labels).max()
    assert f"{int(7 * largest * 0.9)} images" not in capsys.readouterr().err  # no bar without a terminal
    assert [len(history) for history in seen] == [1]


SETTINGS = {
    "published": {"epochs": 3, "schedule": "plateau", "patience": 9, "balance": "oversample", "augment": "flip"},
    "modern": {**MODERN, "model": "oversampled", "epochs": 3, "batch_size": 32, "ema": 0.9},
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_run_stopped_after_every_epoch_ends_as_the_uninterrupted_one(settings, tiny_config, drawn_faces, tmp_path):
    config = dataclasses.replace(tiny_config, **SETTINGS[settings])
    train(config, drawn_faces, run_dir=tmp_path / "at_once", verbose=False)
    stops, whole = 0, train(config, drawn_faces, run_dir=tmp_path / "in_parts", time_limit=0, verbose=False)
    while whole is None:
        stops += 1
        whole = resume_run(tmp_path / "in_parts", drawn_faces, time_limit=0, verbose=False)
    assert stops == 2
    assert_same_run(tmp_path, "at_once", "in_parts")


def assert_same_run(models_dir, one, other):
    one, other = (load_run(name, models_dir=models_dir) for name in (one, other))
    assert one.history.drop(columns="seconds").equals(other.history.drop(columns="seconds"))
    for split, (_, probabilities) in one.probabilities.items():
        assert np.array_equal(probabilities, other.probabilities[split][1])


def test_other_data_or_settings_are_not_resumed(tiny_config, drawn_faces, tmp_path):
    train(tiny_config, drawn_faces, run_dir=tmp_path / "run", time_limit=0, verbose=False)
    fewer = drawn_faces.select(np.arange(len(drawn_faces) - 1))
    with pytest.raises(ValueError, match="other settings or data"):
        resume_run(tmp_path / "run", fewer)
    with pytest.raises(ValueError, match="other settings or data"):
        train(dataclasses.replace(tiny_config, seed=1), drawn_faces, run_dir=tmp_path / "run", resume=True)


def test_a_full_disk_leaves_the_last_whole_epoch(tiny_config, drawn_faces, tmp_path, monkeypatch):
    save = keras.Model.save_weights

    def save_first_epoch(self, path):
        if (tmp_path / "run.partial" / "epoch-0000.weights.h5").exists():
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        save(self, path)

    monkeypatch.setattr(keras.Model, "save_weights", save_first_epoch)
    with pytest.raises(OSError, match="No space left"):
        train(tiny_config, drawn_faces, run_dir=tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()
    monkeypatch.undo()
    resume_run(tmp_path / "run", drawn_faces, verbose=False)
    train(tiny_config, drawn_faces, run_dir=tmp_path / "at_once", verbose=False)
    assert_same_run(tmp_path, "run", "at_once")


def test_a_run_stopped_while_its_folder_was_written(tiny_config, drawn_faces, trained_run, tmp_path, monkeypatch):
    monkeypatch.setattr("ferlib.training._train.export_network", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(tiny_config, drawn_faces, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    monkeypatch.undo()
    for left in (tmp_path, tmp_path / "run.partial"):  # by a process that was killed
        (left / f"{UNFINISHED}x" / "run").mkdir(parents=True)
    resume_run(tmp_path / "run", drawn_faces)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    shutil.copytree(trained_run, tmp_path / "at_once")
    assert_same_run(tmp_path, "run", "at_once")


@pytest.fixture
def without_tensorflow(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tensorflow" else find(name))
    yield
    monkeypatch.undo()


@pytest.fixture
def unexported_run(tiny_config, drawn_faces, without_tensorflow, tmp_path, monkeypatch):
    """As `trained_run`, but trained without TensorFlow and PrivateTest."""
    seen = drawn_faces.select(drawn_faces.split != "PrivateTest")
    assert train(tiny_config, seen, run_dir=tmp_path / "tiny", verbose=False)
    with pytest.raises(ModuleNotFoundError, match="TensorFlow"):
        export_run(tmp_path / "tiny", drawn_faces)
    monkeypatch.undo()
    return tmp_path / "tiny"


def test_a_run_without_tensorflow_is_whole_and_says_that_it_is_not_exported(unexported_run):
    assert sorted(path.name for path in unexported_run.iterdir()) == sorted(set(FILES) - {"model.tflite"})
    run = load_run("tiny", models_dir=unexported_run.parent)
    assert run.metadata.network is None and list(run.probabilities) == ["PublicTest"]
    card = (unexported_run / "card.md").read_text()
    assert "`ferlib export tiny`" in card and "PrivateTest is not scored yet" in card
    table = compare_runs([run])
    assert not table["complete"].item() and np.isnan(table["published"].item()) and table["PublicTest"].item() > 0
    with pytest.raises(ValueError, match="not scored on PrivateTest"):
        run.evaluate("PrivateTest")
    assert list_networks(unexported_run.parent) == []


@pytest.mark.parametrize("way", ["export", "resume", "zoo"])
def test_an_export_adds_what_was_lacking(way, unexported_run, trained_run, tiny_config, drawn_faces):
    before = read_metadata(unexported_run)
    if way == "export":
        export_run(unexported_run, drawn_faces)
    elif way == "resume":
        resume_run(unexported_run, drawn_faces)
    else:
        assert train_zoo(drawn_faces, models_dir=unexported_run.parent, zoo={"tiny": tiny_config}) == []
    assert sorted(path.name for path in unexported_run.iterdir()) == FILES
    assert_same_run(unexported_run.parent, "tiny", trained_run)
    after = read_metadata(unexported_run)
    assert after.milliseconds > 0 and after.file_bytes == (unexported_run / "model.tflite").stat().st_size
    assert after.data == before.data and after.machine == before.machine
    assert "ferlib export" not in (unexported_run / "card.md").read_text()


def test_a_run_is_exported_from_its_weights_and_with_its_faces(unexported_run, drawn_faces):
    with pytest.raises(ValueError, match="not those"):
        export_run(unexported_run, drawn_faces.select(np.arange(300)))
    (unexported_run / "model.keras").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.keras is not there"):
        export_run(unexported_run, drawn_faces)


ZOO_OF_THREE = """
import sys
from pathlib import Path
from ferlib.recipes import TrainConfig
from ferlib.data import load_faces
from ferlib.training import train_zoo
if __name__ == "__main__":
    one = TrainConfig("simple", width=0.1, epochs=5, batch_size=32, learning_rate=1e-3)
    student = TrainConfig("micro", width=0.2, epochs=2, batch_size=32, teacher="one", distillation=0.5)
    zoo = {"student": student, "one": one, "two": TrainConfig("simple", width=0.1, epochs=5, seed=1)}
    print(*train_zoo(load_faces("embedded"), models_dir=Path(sys.argv[1]), zoo=zoo, jobs=int(sys.argv[2])))
"""


def test_runs_side_by_side_survive_a_kill_and_end_as_in_turn(tmp_path):
    script = tmp_path / "zoo.py"
    script.write_text(ZOO_OF_THREE)
    options = dict(env=os.environ | {"FERLIB_PROFILE": "tiny"}, text=True, stdout=subprocess.PIPE)
    in_turn = subprocess.run([sys.executable, script, tmp_path / "in_turn", "1"], check=True, **options)
    assert in_turn.stdout.splitlines()[-1] == "one student two"
    side_by_side = [sys.executable, script, tmp_path / "killed", "2"]
    with subprocess.Popen(side_by_side, **options) as process:
        while process.poll() is None and not list(tmp_path.glob("killed/*.partial/epoch-*")):
            time.sleep(0.05)
        time.sleep(random.uniform(0, 5))
        process.kill()
        process.stdout.read()  # ends when the children, which inherited it, have ended too
    subprocess.run(side_by_side, check=True, **options)
    for name in ("one", "two", "student"):
        assert_same_run(tmp_path, Path("in_turn", name), Path("killed", name))


def test_the_zoo_trains_what_is_lacking(tiny_config, trained_run, drawn_faces, tmp_path):
    longer = dataclasses.replace(tiny_config, epochs=3)
    zoo = {"there": tiny_config, "short": longer, "absent": tiny_config}
    for name in ("there", "short"):
        shutil.copytree(trained_run, tmp_path / name)
    assert train_zoo(drawn_faces, models_dir=tmp_path, zoo=zoo, time_limit=0, verbose=False) == []
    options = dict(models_dir=tmp_path, zoo=zoo, verbose=False)
    assert train_zoo(drawn_faces, time_limit=1, **options) == []
    assert (tmp_path / "absent.partial").is_dir()
    assert train_zoo(drawn_faces, **options) == ["absent", "short"]
    assert load_run("short", models_dir=tmp_path).metadata.epochs_done == 3
    assert train_zoo(drawn_faces, **options) == []


def test_the_zoo_holds_each_network_as_published_and_modern():
    both = {network + ending for network in RECIPES for ending in ("", "_modern")}
    seeds = {name for name in ZOO if "_seed" in name}
    others = {*FROM_SCRATCH, *TEACHERS, *DISTILLED, *OWN, *FERPLUS, "oversampled_leaky"}
    assert set(ZOO) - seeds == both | others
    for name, recipe in RECIPES.items():
        alike = [config.seed for config in ZOO.values() if dataclasses.replace(config, seed=recipe.seed) == recipe]
        assert sorted(alike) == [0, 1, 2], name


PARALLEL = """
import sys
import numpy as np
from ferlib.recipes import TrainConfig
from ferlib.data import load_faces
from ferlib.training import train
faces = load_faces("embedded")
faces = faces.select(np.arange(len(faces) - 1))  # batches that no two devices can share evenly
config = TrainConfig("simple", width=0.1, epochs=2, batch_size=32, learning_rate=1e-3, ema=0.9)
train(config, faces, run_dir=sys.argv[1])
"""


def test_several_devices_share_the_batches_and_learn_the_same(tmp_path):
    for devices in (1, 2):
        environment = {"KERAS_BACKEND": "jax", "FERLIB_PROFILE": "tiny"}
        environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
        command = [sys.executable, "-c", PARALLEL, tmp_path / str(devices)]
        subprocess.run(command, env=os.environ | environment, check=True, capture_output=True)
    one, two = (load_run(name, models_dir=tmp_path) for name in "12")
    assert two.metadata.machine.startswith("cpu:0, cpu:1")
    assert list(two.history["loss"]) == pytest.approx(list(one.history["loss"]), rel=0.01)
