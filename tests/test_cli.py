import shutil
import subprocess
import sys

import pytest

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
