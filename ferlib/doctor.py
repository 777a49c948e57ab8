"""Is everything there that the notebooks and the demo need? If not, what cures it?"""

import shutil
import sys
from dataclasses import dataclass
from importlib import metadata

from ferlib.config import CACHE_DIR, DEMO_RUN, PROJECT_DIR


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes
    ----------
    name : str
    ok : bool
    finding : str
        What was seen.
    cure : str
        What to do about it; empty if `ok`.
    """

    name: str
    ok: bool
    finding: str
    cure: str = ""


def check_all():
    """Look at Python, packages, data, models, camera and disk.

    Returns
    -------
    list of Check
    """
    return [check() for check in (check_python, check_packages, check_data, check_models, check_camera, check_disk)]


def check_python():
    """Is this a Python that TensorFlow has wheels for?"""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check("python", True, version)
    return Check("python", False, version, "use Python 3.11 to 3.13: make clean, then make PYTHON=python3.12 test")


def check_packages():
    """Are ferlib's requirements installed, in versions that it accepts?"""
    from packaging.requirements import Requirement

    wrong = []
    requirements = [Requirement(line) for line in metadata.requires("ferlib") or []]
    needed = [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    for requirement in needed:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
        else:
            if not requirement.specifier.contains(version, prereleases=True):
                wrong.append(f"{requirement.name} {version}, needed {requirement.specifier}")
    if wrong:
        return Check("packages", False, "; ".join(wrong), "run `make` with .venv removed, or install requirements.lock")
    return Check("packages", True, f"all {len(needed)} in accepted versions")


def check_data():
    """Is FER2013 in reach? The embedded data set is no fault: everything works on it."""
    from ferlib.data import find_source

    try:
        source = find_source()
    except (OSError, ValueError) as error:
        return Check("data", False, str(error), "correct FERLIB_DATA, or unset it")
    if source is None:
        return Check("data", True, "the embedded data set; `ferlib download` or data/README.md for FER2013")
    return Check("data", True, f"FER2013: {source.name}")


def check_models():
    """Does the demo's network load, and is it the one that its bundle describes?"""
    from ferlib.predict import load_predictor

    try:
        load_predictor()
    except (OSError, ValueError) as error:
        return Check("models", False, str(error), "restore models/ with `git checkout models`")
    return Check("models", True, f"{DEMO_RUN} loads")


def check_camera():
    """Does a camera open? None is no fault: the demo takes photos too, and its camera is the browser's."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    camera = cv2.VideoCapture(0)
    opened = camera.isOpened()
    camera.release()
    return Check("camera", True, "opens" if opened else "none on this machine; the demo uses the browser's camera")


def check_disk():
    """Is there room for the environment's caches and a training run?"""
    folder = CACHE_DIR if CACHE_DIR.exists() else PROJECT_DIR
    free = shutil.disk_usage(folder).free / 2**30
    if free < 2:
        return Check("disk", False, f"{free:.1f} GiB free", "free 2 GiB: the data's cache and a run need room")
    return Check("disk", True, f"{free:.0f} GiB free")
