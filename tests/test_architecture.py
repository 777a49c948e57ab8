"""Modules import only downwards, wings are entered by their faces, and light modules load nothing heavy."""

import ast
import subprocess
import sys

import pytest

import ferlib
from ferlib.config import PROJECT_DIR

PACKAGE = PROJECT_DIR / "ferlib"
STOREYS = {
    name: storey
    for storey, names in enumerate(
        ["_atomic _quiet config recipes", "data", "quality evaluation", "training inference", "plots", "widgets"]
    )
    for name in names.split()
} | {"_doctor": 5, "_notebooks": 5, "cli": 6, "__init__": 6}
WINGS = "data quality training evaluation inference plots widgets".split()
HEAVY = {"tensorflow", "keras", "torch", "jax", "sklearn", "matplotlib", "pandas", "cv2", "ipywidgets", "scipy"}
MODULES = sorted(path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))


def imports_of(path):
    """(module, names) of every import of ferlib's own in a file, lazy ones included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ferlib":
            if node.module == "ferlib":
                yield from ((f"ferlib.{alias.name}", []) for alias in node.names)
            else:
                yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names if alias.name.startswith("ferlib"))


def loaded_by(statement):
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_every_part_has_its_storey():
    assert {module.parts[0] for module in MODULES} == set(STOREYS)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_go_down_and_through_faces(module):
    part = module.parts[0]
    for imported, names in imports_of(PACKAGE / f"{module}.py"):
        _, other, *inside = imported.split(".")
        if other == part:
            continue
        assert STOREYS[other] < STOREYS[part], f"{module} imports {imported}, which does not stand below it"
        assert not inside, f"{module} imports {imported}: import it from ferlib.{other}"
        assert not any(name.startswith("_") for name in names), f"{module} imports {names} of {imported}"


def test_public_addresses_are_few():
    public = [module for module in MODULES if not any(part.startswith("_") for part in module.parts)]
    assert {str(module) for module in public} == {"cli", "config", "recipes"}
    assert len(public) + len(WINGS) + 1 <= 12


@pytest.mark.parametrize("wing", WINGS)
def test_a_face_tells_of_everything_that_it_offers(wing):
    module = getattr(ferlib, wing)
    told = [line.partition("  ")[0] for line in module.__doc__.splitlines() if "  " in line]
    assert set(module.__all__) == {name for names in told for name in names.split(", ")}
    for name in module.__all__:
        getattr(module, name)


def test_the_face_of_the_package_tells_of_its_parts():
    assert all(f"{part} " in ferlib.__doc__ for part in [*WINGS, "config", "recipes"])
    assert {"load_faces", "load_predictor", "train", "evaluate", "demo", *WINGS} <= set(dir(ferlib))


@pytest.mark.parametrize("statement", ["import ferlib", "import ferlib.config, ferlib.recipes, ferlib.cli"])
def test_the_package_is_light(statement):
    assert not loaded_by(statement) & HEAVY


def test_predicting_needs_no_tables_and_no_training():
    heavy = HEAVY - {"cv2"}
    assert not loaded_by("from ferlib import load_predictor, detect_faces; load_predictor()") & heavy


@pytest.mark.parametrize("wing", sorted({*WINGS} - {"training"}))
def test_no_tensorflow_where_nothing_trains(wing):
    statement = f"import ferlib.{wing} as wing; [getattr(wing, name) for name in wing.__all__]"
    assert not loaded_by(statement) & {"tensorflow", "keras"}
