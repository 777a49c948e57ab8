import ast
import re
import subprocess

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ferlib._notebooks import export_report, run_notebooks
from ferlib.config import NOTEBOOKS_DIR, PROJECT_DIR

NOTEBOOKS = sorted(NOTEBOOKS_DIR.glob("[0-9]*.ipynb"))
PICTURE = new_output("display_data", {"image/png": "aGk=", "text/plain": "<Figure>"})

# Home folders and the like: a path that means nothing on another machine.
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|Users|work|tmp|mnt)/[\w.-]+|[A-Z]:\\\\Users")


def find_problems(notebook):
    """What makes a notebook unfit for git: list of str, a sentence a problem."""
    problems = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for place, cell in enumerate(code, 1):
        if cell.execution_count != place:
            problems.append(f"cell {place} is not executed in order: run `make notebooks`")
        if any(output.output_type == "error" for output in cell.outputs):
            problems.append(f"cell {place} holds an error")
        if any(output.get("name") == "stderr" for output in cell.outputs):
            problems.append(f"cell {place} warns on stderr: mend what it warns of")
        if "faces" in tags(cell) and any("image/png" in output.get("data", {}) for output in cell.outputs):
            problems.append(f"cell {place} is tagged faces and holds a picture")
        if re.search(r"\bplot_(faces|prediction|prediction_sheet|pipeline)\(", cell.source) and not (
            {"faces", "no-photograph"} & tags(cell)
        ):
            problems.append(f"cell {place} shows faces: tag it faces, or no-photograph if they are means or drawings")
        texts = [cell.source] + [str(output.get("text", output.get("data", {}))) for output in cell.outputs]
        if found := MACHINE_PATH.search(" ".join(texts)):
            problems.append(f"cell {place} names a path of a machine: {found.group()}")
        problems += [f"cell {place} imports from inside a wing: {name}" for name in _deep_imports(cell.source)]
    if not any(cell.outputs for cell in code):
        problems.append("has no outputs: run `make notebooks`")
    if "widgets" in notebook.metadata:
        problems.append("holds widget state, in which pictures can hide")
    return problems


def tags(cell):
    return set(cell.metadata.get("tags", []))


def _deep_imports(source):
    """Names that a cell imports from deeper than `ferlib.<wing>`, or that begin with an underscore."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules, names = [alias.name for alias in node.names], []
        elif isinstance(node, ast.ImportFrom):
            modules, names = [node.module], [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            private = [part for part in (*module.split("."), *names) if part.startswith("_")]
            if module.split(".")[0] == "ferlib" and (module.count(".") > 1 or private):
                yield f"{module} {' '.join(private)}".strip()


def executed(source="1", *, tags=(), outputs=(), count=1):
    cell = new_code_cell(source, execution_count=count, outputs=list(outputs))
    cell.metadata["tags"] = list(tags)
    return cell


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_committed_notebooks_are_fit_for_git(path):
    assert find_problems(nbformat.read(path, as_version=4)) == []


def test_there_are_six():
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_begin_with_a_question_and_end_with_a_link(path):
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].source.splitlines()[0].startswith("# ")
    assert cells[0].source.splitlines()[0].endswith("?")
    assert all(word in cells[0].source for word in ("reads", "writes", "takes"))
    assert "**Limits.**" in cells[-1].source
    assert ".ipynb" in cells[-1].source
    assert max(len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code") <= 20


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (executed(count=None), "not executed"),
        (executed(count=2, outputs=[PICTURE]), "not executed"),
        (executed(count=2, tags=["faces"]), "not executed"),
        (executed(), "no outputs"),
        (executed(outputs=[new_output("error", ename="E", evalue="", traceback=[])]), "error"),
        (executed(outputs=[new_output("stream", name="stderr", text="DeprecationWarning")]), "warns on stderr"),
        (executed(tags=["faces"], outputs=[PICTURE]), "holds a picture"),
        (executed("plot_faces(x)", outputs=[PICTURE]), "tag it faces"),
        (executed("plots.plot_prediction_sheet(x, y)", outputs=[PICTURE]), "tag it faces"),
        (executed(outputs=[new_output("stream", text="/home/someone/fer2013")]), "path of a machine: /home/someone"),
        (executed("from ferlib.data._splits import leak_rows"), "imports from inside a wing: ferlib.data._splits"),
        (executed("from ferlib.data import _splits"), "imports from inside a wing: ferlib.data _splits"),
        (executed("import ferlib._atomic"), "imports from inside a wing: ferlib._atomic"),
    ],
)
def test_unfit_notebooks_are_rejected(cell, problem):
    assert problem in " ".join(find_problems(new_notebook(cells=[cell])))


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    """A function that makes a notebook of some cells the project's only one, and returns its path."""
    monkeypatch.setattr("ferlib._notebooks.NOTEBOOKS_DIR", tmp_path)

    def write(name, *cells):
        widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
        metadata = {"widgets": widgets, "language_info": {"name": "python", "version": "2.7"}}
        notebook = new_notebook(cells=[new_markdown_cell("# ?"), *cells], metadata=metadata)
        nbformat.write(notebook, tmp_path / name)
        return tmp_path / name

    return write


def test_an_executed_notebook_is_fit_for_git(notebooks, tmp_path, capsys):
    picture = new_code_cell("from IPython.display import Image\nImage(bytes(9), format='png')")
    picture.metadata["tags"] = ["faces"]
    slider = new_code_cell("import ipywidgets\nipywidgets.IntSlider()")
    demo = new_code_cell("class Demo(ipywidgets.Tab):\n    pass\nDemo()")
    path = notebooks("01_small.ipynb", new_code_cell("6 * 7"), picture, slider, demo)
    run_notebooks(folder=tmp_path / "out")
    notebook = nbformat.read(tmp_path / "out" / path.name, as_version=4)
    assert find_problems(notebook) == []
    assert notebook.cells[1].outputs[0].data == {"text/plain": "42"}
    assert notebook.cells[3].outputs[0].data == {"text/plain": "IntSlider(value=0)"}
    assert set(notebook.cells[4].outputs[0].data) == {"text/plain", "image/jpeg"}
    assert all("execution" not in cell.metadata for cell in notebook.cells)
    assert notebook.metadata.language_info == {"name": "python"}
    assert re.fullmatch(r"01_small\.ipynb +\d+ s\n", capsys.readouterr().out)
    assert nbformat.read(path, as_version=4).cells[1].outputs == []


def test_a_failing_cell_is_named_and_nothing_is_written(notebooks):
    path = notebooks("01_fails.ipynb", new_code_cell("1"), new_code_cell("1 / 0"))
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match=r"01_fails\.ipynb, code cell 2 failed:(.|\n)*1 / 0(.|\n)*ZeroDivisionError"):
        run_notebooks(in_place=True, folder=path.parent / "out")
    assert path.read_bytes() == before


def test_a_report_is_about_one_run_and_stands_alone(notebooks, tmp_path):
    source = "import os, matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('about', os.environ['FERLIB_RUN'])"
    notebooks("04_evaluate.ipynb", new_code_cell(source))
    export_report("simple", tmp_path / "new" / "simple.html")
    page = (tmp_path / "new" / "simple.html").read_text(encoding="utf-8")
    assert "about simple" in page and "<title>simple</title>" in page
    assert "data:image/png;base64," in page and "os.environ" not in page
    assert not re.findall(r"<(?:script|link|img)[^>]* (?:src|href)=.http", page)


def test_no_face_of_the_data_is_in_git():
    tracked = subprocess.run(["git", "ls-files"], cwd=PROJECT_DIR, capture_output=True, text=True).stdout.split()
    assert not [name for name in tracked if "_faces." in name and name.startswith("figures/")]
    of_data = {name for name in tracked if name.startswith("data/")}
    assert of_data <= {f"data/{name}" for name in ("README.md", "embedded.npz", "embedded_truth.csv", "ferplus.npz")}
