from collections import namedtuple

from ferlib import doctor


def test_this_installation_is_sound(monkeypatch):
    monkeypatch.setenv("FERLIB_DATA", "embedded")
    wrong = [check for check in doctor.check_all() if not check.ok]
    assert not wrong


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(
        "ferlib.doctor.metadata.requires", lambda name: ["numpy>=99", "nonesuch-package", "x; extra == 'y'"]
    )
    check = doctor.check_packages()
    assert not check.ok
    assert "numpy" in check.finding
    assert "nonesuch-package is missing" in check.finding
    assert check.cure


def test_data_that_is_not_there_gets_a_cure(monkeypatch):
    monkeypatch.setenv("FERLIB_DATA", "nonesuch")
    check = doctor.check_data()
    assert not check.ok
    assert "nonesuch" in check.finding


def test_an_old_python_gets_a_cure(monkeypatch):
    monkeypatch.setattr("ferlib.doctor.sys.version_info", (3, 10, 0))
    assert not doctor.check_python().ok


def test_a_full_disk_gets_a_cure(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("ferlib.doctor.shutil.disk_usage", lambda path: usage(1, 1, 2**20))
    check = doctor.check_disk()
    assert not check.ok
    assert "free 2 GiB" in check.cure


def test_a_broken_model_gets_a_cure(monkeypatch, tmp_path):
    monkeypatch.setattr("ferlib.predict.MODELS_DIR", tmp_path)
    monkeypatch.setattr("ferlib.predict.load_predictor.__kwdefaults__", {"models_dir": tmp_path})
    check = doctor.check_models()
    assert not check.ok
    assert "git checkout" in check.cure
