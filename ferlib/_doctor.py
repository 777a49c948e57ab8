"""What `ferlib doctor` looks at, and the cure for what it finds wrong."""

import shutil
import sys
from collections import namedtuple
from importlib import metadata

from ferlib import config, data, inference

Check = namedtuple("Check", "name ok finding cure")  # the cure is empty if it is ok


def check_all():
    """Look at Python, packages, data, models, camera and disk: list of `Check`."""
    checks = []
    for name, (look, cure) in CHECKS.items():
        try:
            ok, finding = look()
        except ModuleNotFoundError as error:  # `pip install .` alone brings what predicting needs
            ok, finding = True, f"not looked at: {error.name} comes with ferlib[notebooks]"
        except (ImportError, OSError, ValueError) as error:
            ok, finding = False, str(error)
        checks.append(Check(name, ok, finding, "" if ok else cure))
    return checks


def _look_at_python():
    return (3, 11) <= sys.version_info[:2] <= (3, 13), sys.version.split()[0]  # for which TensorFlow has wheels


def _look_at_packages():
    from packaging.requirements import Requirement

    wrong = []
    for need in map(Requirement, metadata.requires("ferlib") or []):
        found = next(iter(metadata.distributions(name=need.name)), None)
        if found and not need.specifier.contains(found.version, prereleases=True):
            wrong.append(f"{need.name} {found.version}, needed {need.specifier}")
        if not found and (need.marker is None or need.marker.evaluate({"extra": ""})):  # extras may be missing
            wrong.append(f"{need.name} is missing")
    return not wrong, "; ".join(wrong) or "all in accepted versions"


def _look_at_data():
    found = data.find_source()
    return True, f"FER2013: {found.name}" if found else "the embedded data set; data/README.md tells how to use FER2013"


def _look_at_camera():
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    opens = cv2.VideoCapture(0).isOpened()
    return True, "opens" if opens else "none on this machine; the demo uses the browser's camera"


def _look_at_disk():
    free = shutil.disk_usage(config.CACHE_DIR if config.CACHE_DIR.exists() else config.PROJECT_DIR).free / 2**30
    return free >= 2, f"{free:.1f} GiB free"


CHECKS = {  # by name: a function that returns (is all well, what was found) or raises what is wrong; and the cure
    "python": (_look_at_python, "use Python 3.11 to 3.13: make clean, then make PYTHON=python3.12 test"),
    "packages": (_look_at_packages, "run `make` with .venv removed, or install requirements.lock"),
    "data": (_look_at_data, "correct FERLIB_DATA, or unset it"),
    "models": (
        lambda: (True, f"{inference.load_predictor().name} loads"),
        "restore models/ with `git checkout models`",
    ),
    "camera": (_look_at_camera, ""),
    "disk": (_look_at_disk, "free 2 GiB: the data's cache and a run need room"),
}
