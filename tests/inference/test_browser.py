"""What the browser's reader is given: Python's constants, and networks that take one face at a time."""

import json

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import Model

from ferlib.config import EMOTIONS
from ferlib.inference import Network, write_browser_files
from ferlib.inference._browser import fix_batch
from ferlib.inference._predict import read_network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    write_browser_files(folder, ["micro", "compact"])
    return folder


@pytest.mark.parametrize("name", ["micro", "compact", "blazeface"])
def test_no_network_has_an_open_batch(folder, name):
    graph = Model.GetRootAs((folder / f"{name}.tflite").read_bytes()).Subgraphs(0)
    tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
    assert all((np.asarray(tensor.ShapeSignatureAsNumpy()) >= 0).all() for tensor in tensors)


def test_a_fixed_batch_changes_no_answer():
    _, content = read_network("micro")
    faces = np.random.default_rng(0).integers(0, 256, (1, 48, 48, 1)).astype(np.float32)
    assert np.array_equal(Network(content)(faces)[0], Network(fix_batch(content))(faces)[0])


def test_constants_are_those_of_python(folder):
    lines = [line for line in (folder / "constants.js").read_text().splitlines() if line.startswith("export")]
    pairs = [line.removeprefix("export const ").removesuffix(";").split(" = ", 1) for line in lines]
    constants = {name: json.loads(value) for name, value in pairs}
    assert constants["EMOTIONS"] == list(EMOTIONS)
    assert set(constants["NETWORKS"]) == {"micro", "compact"}
    metadata, _ = read_network("micro")
    assert constants["NETWORKS"]["micro"]["temperature"] == metadata.temperature


def test_a_run_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run 'nobody'"):
        write_browser_files(tmp_path, ["nobody"])
