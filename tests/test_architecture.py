"""The house stays as it is drawn: imports climb down the staircase, and light things stay light."""

import ast
import subprocess
import sys

import pytest

from ferlib.config import PROJECT_DIR

STAIRCASE = """
config anatomy portrait synthetic tables formats cache data quality twins balance models fused augment trainer callbacks
evaluate answers testsets witnesses batches cleaning robustness runs compare results export train
explain style plots curves score_plots run_plots report
photos litert blazeface faces predict annotate video photo_plots readings window
demo server suspects notebooks doctor cli
""".split()
HEAVY = {"tensorflow", "keras", "torch", "jax", "sklearn", "matplotlib", "pandas", "cv2", "ipywidgets"}


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "ferlib":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ferlib."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("ferlib."))


def loaded_by(statement):
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_every_module_has_its_step():
    modules = {path.stem for path in (PROJECT_DIR / "ferlib").glob("*.py")} - {"__init__"}
    assert modules == set(STAIRCASE)


@pytest.mark.parametrize("module", STAIRCASE)
def test_no_import_climbs(module):
    below = STAIRCASE[: STAIRCASE.index(module)]
    climbing = [name for name in imports_of(PROJECT_DIR / "ferlib" / f"{module}.py") if name not in below]
    assert not climbing, f"{module} imports {climbing}, which stand above it"


@pytest.mark.parametrize("module", STAIRCASE)
def test_a_reader_holds_a_module_in_one_sitting(module):
    assert len((PROJECT_DIR / "ferlib" / f"{module}.py").read_text().splitlines()) <= 300


@pytest.mark.parametrize("statement", ["import ferlib", "import ferlib.config, ferlib.cli"])
def test_the_package_is_light(statement):
    assert not loaded_by(statement) & HEAVY


LIGHT = """
data answers robustness runs compare results plots curves score_plots run_plots report predict faces demo explain
quality twins witnesses cleaning suspects
""".split()


@pytest.mark.parametrize("module", LIGHT)
def test_no_tensorflow_where_nothing_trains(module):
    assert not loaded_by(f"import ferlib.{module}") & {"tensorflow", "keras"}
