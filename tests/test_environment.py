"""pyproject.toml, requirements.lock and environment.yml say the same."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ferlib.config import PROJECT_DIR

PYPROJECT = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())["project"]
EXTRAS = PYPROJECT["optional-dependencies"]
NEEDED = {
    canonicalize_name(requirement.name): requirement
    for lines in (
        PYPROJECT["dependencies"],
        *(EXTRAS[extra] for extra in "fit train score cluster notebooks jax dev".split()),
    )
    for requirement in map(Requirement, lines)
    if requirement.name != "ferlib"
}
LOCK = (PROJECT_DIR / "requirements.lock").read_text()
PINS = re.findall(r"^([\w.-]+)==(\S+)(?: ; .*)? \\$", LOCK, flags=re.M)


@pytest.mark.parametrize("name", NEEDED)
def test_lock_pins_every_requirement_in_an_accepted_version(name):
    versions = [version for pinned, version in PINS if canonicalize_name(pinned) == name]
    assert versions
    assert all(NEEDED[name].specifier.contains(version) for version in versions)


def test_every_pin_has_a_hash_and_no_address():
    blocks = re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.M)[1:]
    assert len(blocks) == len(PINS)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in LOCK


def test_environment_yml_holds_the_requirements_with_a_reason_each():
    lines = re.findall(
        r"^ +- (?:\")?([A-Za-z][^\"#\n]*?)(?:\")? +# .+$", (PROJECT_DIR / "environment.yml").read_text(), re.M
    )
    listed = {}
    for line in lines:
        requirement = Requirement(line)
        listed[canonicalize_name(requirement.name)] = requirement
    for name in ("python", "pip"):
        listed.pop(name)
    assert set(listed) == set(NEEDED)
    for name, requirement in listed.items():
        assert requirement.specifier == NEEDED[name].specifier, name
        assert requirement.marker == NEEDED[name].marker, name


def test_python_versions_agree():
    assert PYPROJECT["requires-python"] == ">=3.11,<3.14"
    assert "python>=3.11,<3.14" in (PROJECT_DIR / "environment.yml").read_text()
