import shutil
import subprocess
import sys

import pytest

from ferlib import cli, config
from ferlib.photos import sample_photo
from ferlib.results import README_MARKS
from ferlib.runs import load_run


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
    assert "predicted anew on PrivateTest: accuracy" in said and "faces read otherwise" in said


def test_evaluate_writes_report_and_robustness(models, capsys, monkeypatch, trained_run, drawn_faces, tmp_path):
    monkeypatch.setattr("ferlib.data.load_faces", lambda source: drawn_faces)
    monkeypatch.setattr("ferlib.data.find_source", lambda: None)
    monkeypatch.setattr(config, "BUILD_DIR", tmp_path / "build")
    assert cli.main(["evaluate", trained_run.name, "--robustness", "--occlusion", "--html"]) == 0
    assert "without faces" in capsys.readouterr().out
    assert (models / trained_run.name / "robustness.csv").read_text().startswith("corruption,strength,meaning,accuracy")
    assert load_run(trained_run.name, models_dir=models).occlusion[0].shape == (7, 48, 48)
    assert (tmp_path / "build" / f"{trained_run.name}.html").is_file()


def test_evaluate_writes_the_readme_from_all_runs_only(models, capsys, monkeypatch, trained_run, tmp_path):
    monkeypatch.setattr(config, "PROJECT_DIR", tmp_path)
    (tmp_path / "README.md").write_text("\n".join(README_MARKS))
    assert cli.main(["evaluate", "--readme"]) == 0
    assert f"[{trained_run.name}](models/{trained_run.name}/card.md)" in (tmp_path / "README.md").read_text()
    assert cli.main(["evaluate", trained_run.name, "--readme"]) == 1
    assert "--readme takes every run" in capsys.readouterr().err


def test_quality_counts_faults_and_lists_them(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FERLIB_PROFILE", "tiny")
    assert cli.main(["quality", "--data", "embedded", "--csv", str(tmp_path / "faults.csv")]) == 0
    said = capsys.readouterr().out
    assert "nobody voted on these faces" in said and "near copy" in said and "groups of identical faces" in said
    written = (tmp_path / "faults.csv").read_text().splitlines()
    assert written[0] == "row,label,usage,fault,reason,evidence"
    assert f"wrote {len(written) - 1:,} faults" in said


def test_convert_says_what_it_wrote(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FERLIB_PROFILE", "tiny")
    assert cli.main(["convert", "embedded", str(tmp_path / "drawn.csv")]) == 0
    assert "drawn.csv" in capsys.readouterr().out
    assert (tmp_path / "drawn.csv").is_file()


def test_figures_runs_the_notebooks(monkeypatch, capsys):
    monkeypatch.setenv("FERLIB_DATA", "embedded")
    calls = []
    monkeypatch.setattr("ferlib.notebooks.run_notebooks", lambda **given: calls.append(given) or {"01.ipynb": 1.0})
    assert cli.main(["figures"]) == 0
    assert calls == [{"in_place": False, "folder": config.BUILD_DIR / "notebooks"}]
    assert "figures/sample" in capsys.readouterr().out


def test_doctor_ends_with_1_if_something_is_wrong(monkeypatch, capsys):
    from ferlib.doctor import Check

    monkeypatch.setattr("ferlib.doctor.check_all", lambda: [Check("disk", False, "1 GiB free", "free 2 GiB")])
    assert cli.main(["doctor"]) == 1
    assert "cure: free 2 GiB" in capsys.readouterr().out
