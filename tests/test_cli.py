import io
import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from ferlib import cli, config
from ferlib.evaluation import load_run
from ferlib.inference import sample_photo


@pytest.fixture
def models(monkeypatch, trained_run, tmp_path):
    """A models folder with one run, `tiny`."""
    shutil.copytree(trained_run, tmp_path / "models" / trained_run.name)
    monkeypatch.setattr(config, "MODELS_DIR", tmp_path / "models")
    return tmp_path / "models"


def test_help_names_every_verb(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    text = capsys.readouterr().out
    verbs = "figures download convert quality train evaluate predict camera doctor"
    assert all(verb in text for verb in verbs.split())


def test_predict_reads_a_photo_without_tensorflow(tmp_path):
    import cv2

    photo = tmp_path / "astronaut.png"
    cv2.imwrite(str(photo), sample_photo()[..., ::-1])
    code = (
        "import sys; from ferlib.cli import main; status = main(['predict', *sys.argv[1:]]);"
        "sys.exit(status or bool({'tensorflow', 'keras', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(photo), "--out", str(tmp_path / "read")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "face 1" in result.stdout
    assert any(emotion in result.stdout for emotion in config.EMOTIONS)
    assert (tmp_path / "read" / "astronaut_faces.jpg").exists()


def test_a_photo_without_a_face_is_said_to_have_none(tmp_path, capsys):
    import cv2
    import numpy as np

    photo = tmp_path / "wall.png"
    cv2.imwrite(str(photo), np.full((200, 200), 127, np.uint8))
    assert cli.main(["predict", str(photo), "--out", str(tmp_path / "read")]) == 0
    assert "no face found" in capsys.readouterr().out


def test_a_broken_photo_among_others_is_named_and_the_others_are_read(tmp_path, capsys, monkeypatch):
    import cv2

    monkeypatch.chdir(tmp_path)
    cv2.imwrite("me.png", sample_photo()[..., ::-1])
    (tmp_path / "broken.jpg").write_bytes(b"")
    assert cli.main(["predict", "."]) == 1
    said = capsys.readouterr()
    assert "broken.jpg is empty" in said.err and "me.png: face 1" in said.out
    assert (tmp_path / "predictions" / "predictions.csv").exists()


def test_camera_without_a_display_says_so(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    assert cli.main(["camera"]) == 1
    assert "no window can be opened here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "nonesuch.jpg"], "nonesuch.jpg"),
        (["predict", "--model", "nonesuch", "photo.jpg"], "nonesuch"),
        (["convert", "nonesuch.csv", "target"], "nonesuch.csv"),
        (["train", "simple", "--data", "nonesuch"], "nonesuch"),
        (["evaluate", "nonesuch"], "no run 'nonesuch'"),
        (["export", "nonesuch", "--data", "embedded"], "no run 'nonesuch'"),
        (["train", "simple", "--jobs", "2"], "--jobs goes with --zoo"),
        (["train", "--zoo", "--jobs", "0"], "--jobs 0: expected 1 or more"),
        (
            ["train", "simple", "--data", "embedded", "--run-name", "x", "--epochs", "-1"],
            "epochs=-1): expected 1 or more",
        ),
        (["predict", "."], "photos: 0, videos: 0; passed over: nothing; photos are .bmp"),
    ],
)
def test_errors_are_one_sentence(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1


def test_train_overrides_the_published_settings(models, capsys, monkeypatch):
    monkeypatch.setenv("FERLIB_PROFILE", "tiny")
    options = "--width 0.1 --epochs 1 --learning-rate 1e-3 --run-name mine".split()
    assert cli.main(["train", "simple", "--data", "embedded", *options]) == 0
    assert "# mine" in capsys.readouterr().out
    assert (models / "mine" / "model.tflite").is_file()


def test_evaluate_lists_every_run(models, capsys, trained_run):
    assert cli.main(["evaluate"]) == 0
    assert trained_run.name in capsys.readouterr().out


def test_evaluate_predicts_anew_and_says_whether_it_is_the_same(models, capsys, monkeypatch, trained_run, drawn_faces):
    monkeypatch.setattr("ferlib.data.load_faces", lambda source: drawn_faces)
    assert cli.main(["evaluate", trained_run.name, "--data", "drawn"]) == 0
    said = capsys.readouterr().out
    assert "predicted anew on PrivateTest: accuracy" in said and "faces predicted otherwise" in said


def test_evaluate_writes_robustness_and_occlusion(models, monkeypatch, trained_run, drawn_faces):
    monkeypatch.setattr("ferlib.data.load_faces", lambda source: drawn_faces)
    assert cli.main(["evaluate", trained_run.name, "--robustness", "--occlusion"]) == 0
    assert (models / trained_run.name / "robustness.csv").read_text().startswith("corruption,severity,meaning,accuracy")
    assert load_run(trained_run.name, models_dir=models).occlusion[0].shape == (7, 48, 48)


def test_a_report_is_notebook_04_of_the_run_without_code(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("FERLIB_DATA", "embedded")
    monkeypatch.setattr(config, "BUILD_DIR", tmp_path)
    assert cli.main(["evaluate", "micro", "--html"]) == 0
    report = (tmp_path / "micro.html").read_text()
    assert "micro" in report and "data:image/png" in report and "load_run(" not in report
    assert str(tmp_path / "micro.html") in capsys.readouterr().out


def test_quality_counts_faults_and_lists_them(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FERLIB_PROFILE", "tiny")
    assert cli.main(["quality", "--data", "embedded", "--csv", str(tmp_path / "issues.csv")]) == 0
    said = capsys.readouterr().out
    assert "no votes on these faces" in said and "near duplicate" in said and "groups of identical faces" in said
    written = (tmp_path / "issues.csv").read_text().splitlines()
    assert written[0] == "row,label,split,issue,reason,score"
    assert f"wrote {len(written) - 1:,} issues" in said


def test_convert_says_what_it_wrote(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FERLIB_PROFILE", "tiny")
    assert cli.main(["convert", "embedded", str(tmp_path / "drawn.csv")]) == 0
    assert "drawn.csv" in capsys.readouterr().out
    assert (tmp_path / "drawn.csv").is_file()


def test_figures_runs_the_notebooks(monkeypatch, capsys):
    monkeypatch.setenv("FERLIB_DATA", "embedded")
    calls = []
    monkeypatch.setattr("ferlib._notebooks.run_notebooks", lambda **given: calls.append(given))
    assert cli.main(["figures"]) == 0
    assert calls == [{"in_place": False, "folder": config.BUILD_DIR / "notebooks"}]
    assert "figures/sample" in capsys.readouterr().out


def test_doctor_ends_with_1_if_something_is_wrong(monkeypatch, capsys):
    from ferlib._doctor import Check

    monkeypatch.setattr("ferlib._doctor.check_all", lambda: [Check("disk", False, "1 GiB free", "free 2 GiB")])
    assert cli.main(["doctor"]) == 1
    assert "cure: free 2 GiB" in capsys.readouterr().out


def test_a_missing_extra_is_named_with_its_cure(monkeypatch, capsys):
    monkeypatch.setattr("ferlib._doctor.check_all", lambda: __import__("no_such_package"))
    assert cli.main(["doctor"]) == 1
    assert "no_such_package is not installed: pip install 'ferlib[notebooks]'" in capsys.readouterr().err


@pytest.fixture
def portrait():
    """A portrait as the bytes of a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(sample_photo()).save(buffer, "JPEG")
    return buffer.getvalue()


def test_fifty_bad_files_among_fifty_good_ones_get_fifty_sentences(tmp_path, portrait, capfd):
    bad = [b"", b"<html>", portrait[:3000], b"\0\0\0\x1cftypheic", b"\x89PNG\r\n\x1a\n" + bytes(99)]
    for number in range(50):
        (tmp_path / f"good{number}.jpg").write_bytes(portrait)
        (tmp_path / f"bad{number}.jfif").write_bytes(bad[number % len(bad)])
    assert cli.main(["predict", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    said = capfd.readouterr()
    assert sum(f"bad{number}.jfif" in said.err for number in range(50)) == 50
    assert len(said.err.splitlines()) == 50 and said.out.count(": face 1 at ") == 50
    assert len((tmp_path / "out" / "predictions.csv").read_text().splitlines()) == 51


def test_names_in_any_script_are_printed_on_any_terminal(tmp_path, portrait, monkeypatch):
    (tmp_path / "\N{CJK UNIFIED IDEOGRAPH-4F60}.jpg").write_bytes(portrait)
    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, "cp1252"))
    assert cli.main(["predict", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    sys.stdout.flush()
    assert rb"\u4f60.jpg: face 1" in terminal.getvalue()
    assert (tmp_path / "out" / "predictions.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no Ctrl-C can be sent there")
def test_ctrl_c_says_its_sentence_and_nothing_else(tmp_path, portrait):
    for number in range(400):
        (tmp_path / f"{number}.jpg").write_bytes(portrait)
    command = [sys.executable, "-m", "ferlib.cli", "predict", str(tmp_path), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("out/*_faces.jpg")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    error = process.communicate()[1].strip()
    assert process.returncode == 130
    assert error.startswith("ferlib predict: stopped: what was read so far is in") and len(error.splitlines()) == 1


def test_only_runs_that_can_predict_are_named(models, capsys):
    shutil.copytree(models / "tiny", models / "bare", ignore=shutil.ignore_patterns("model.*"))
    for name in ("bare", "nobody"):
        assert cli.main(["predict", "--model", name, "photo.jpg"]) == 1
        assert "usable runs there: tiny)" in capsys.readouterr().err


def test_training_again_takes_a_new_name(models, capsys, monkeypatch):
    trained = []
    monkeypatch.setattr(
        "ferlib.training.train", lambda config, faces, *, run_dir, **options: trained.append(run_dir.name)
    )
    (models / "simple").mkdir()
    (models / "simple_2.partial").mkdir()
    assert cli.main(["train", "simple", "--data", "embedded"]) == 0
    assert trained == ["simple_3"]
    assert "training into models/simple_3 (--run-name chooses another name)" in capsys.readouterr().out


def test_help_of_train_names_values_and_defaults(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        cli.main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--optimizer {adam,adamw,sgd}" in text and "(default: the recipe's, or adam)" in text
    assert text.count("(default: the recipe's, or ") == len(cli.SETTINGS)


def test_values_in_the_help_of_train_are_those_that_training_takes():
    from ferlib.recipes import TrainConfig
    from ferlib.training._trainer import check_config

    listed = {name: choices for name, (_, choices) in cli._describe_settings().items() if choices}
    assert set(listed) == set("optimizer schedule labels balance split_protocol augment mix loss".split())
    for name, choices in listed.items():
        with pytest.raises(ValueError, match=f"expected one of {', '.join(choices)}$"):
            check_config(TrainConfig(**{name: "nonesuch"}))


def test_evaluate_fits_a_terminal_of_100_columns(capsys):
    assert cli.main(["evaluate", "best", "compact", "oversampled_leaky"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100
