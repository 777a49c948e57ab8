from collections import namedtuple

from ferlib import _doctor as doctor


def check(name):
    (found,) = [found for found in doctor.check_all() if found.name == name]
    return found


def test_this_installation_is_sound(monkeypatch):
    monkeypatch.setenv("FERLIB_DATA", "embedded")
    assert [found.name for found in doctor.check_all()] == "python packages data models camera disk".split()
    assert not [found for found in doctor.check_all() if not found.ok or found.cure]


def test_a_missing_package_is_named(monkeypatch):
    required = ["numpy>=99", "nonesuch-package", "nonesuch-extra; extra == 'y'", "pytest>=99; extra == 'dev'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: required)
    packages = check("packages")
    assert not packages.ok and packages.cure
    assert "numpy" in packages.finding and "pytest" in packages.finding
    assert "nonesuch-package is missing" in packages.finding
    assert "nonesuch-extra" not in packages.finding


def test_data_that_is_not_there_gets_a_cure(monkeypatch):
    monkeypatch.setenv("FERLIB_DATA", "nonesuch")
    data = check("data")
    assert not data.ok and "nonesuch" in data.finding


def test_an_old_python_gets_a_cure(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 0))
    assert "3.11 to 3.13" in doctor.check_all()[0].cure


def test_a_full_disk_gets_a_cure(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage(1, 1, 2**20))
    disk = check("disk")
    assert not disk.ok and "free 2 GiB" in disk.cure


def test_a_broken_model_gets_a_cure(monkeypatch, tmp_path):
    monkeypatch.setattr("ferlib.config.MODELS_DIR", tmp_path)
    models = check("models")
    assert not models.ok and "git checkout" in models.cure
