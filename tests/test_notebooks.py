import subprocess

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ferlib.config import PROJECT_DIR
from ferlib.notebooks import clean_notebook, find_problems, list_notebooks, run_notebook, run_notebooks

PICTURE = new_output("display_data", {"image/png": "aGk=", "text/plain": "<Figure>"})


def executed(source="1", *, tags=(), outputs=(), count=1):
    cell = new_code_cell(source, execution_count=count, outputs=list(outputs))
    cell.metadata["tags"] = list(tags)
    return cell


@pytest.mark.parametrize("path", list_notebooks(), ids=lambda path: path.name)
def test_committed_notebooks_are_fit_for_git(path):
    assert find_problems(nbformat.read(path, as_version=4)) == []


def test_there_are_five():
    assert [path.name[:2] for path in list_notebooks()] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("path", list_notebooks(), ids=lambda path: path.name)
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
        (executed(), "no outputs"),
        (executed(outputs=[new_output("error", ename="E", evalue="", traceback=[])]), "error"),
        (executed(outputs=[new_output("stream", name="stderr", text="DeprecationWarning")]), "warns on stderr"),
        (executed(tags=["faces"], outputs=[PICTURE]), "holds a picture"),
        (executed("plot_faces(x)", outputs=[PICTURE]), "tag it faces"),
        (executed("plot_answers(x, y)", outputs=[PICTURE]), "tag it faces"),
        (
            executed(outputs=[new_output("stream", text="wrote /home/someone/fer2013")]),
            "path of a machine: /home/someone",
        ),
    ],
)
def test_unfit_notebooks_are_rejected(cell, problem):
    assert problem in " ".join(find_problems(new_notebook(cells=[cell])))


def test_cleaning_makes_a_notebook_fit():
    chatter = new_output("stream", name="stderr", text="I0000 00:00:1 port.cc:153] oneDNN custom operations are on.")
    cell = executed("plot_faces(x)", tags=["faces"], outputs=[chatter, PICTURE])
    cell.metadata["execution"] = {"iopub.execute_input": "2026"}
    notebook = new_notebook(cells=[new_markdown_cell("# ?"), cell], metadata={"widgets": {"state": {}}})
    assert find_problems(notebook)
    assert find_problems(clean_notebook(notebook)) == []
    assert "execution" not in cell.metadata


def test_a_failing_cell_is_named_and_nothing_is_written(tmp_path):
    path = tmp_path / "01_fails.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1"), new_code_cell("1 / 0")]), path)
    with pytest.raises(RuntimeError, match=r"01_fails\.ipynb, code cell 2 failed:(.|\n)*1 / 0(.|\n)*ZeroDivisionError"):
        run_notebook(path, target=tmp_path / "out.ipynb")
    assert not (tmp_path / "out.ipynb").exists()


def test_all_notebooks_are_run_with_their_time(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ferlib.notebooks.NOTEBOOKS_DIR", tmp_path)
    nbformat.write(new_notebook(cells=[new_code_cell("6 * 7")]), tmp_path / "01_small.ipynb")
    assert list(run_notebooks(folder=tmp_path / "out")) == ["01_small.ipynb"]
    cell = nbformat.read(tmp_path / "out" / "01_small.ipynb", as_version=4).cells[0]
    assert cell.outputs[0].data["text/plain"] == "42"
    assert "01_small.ipynb" in capsys.readouterr().err


def test_no_face_of_the_data_is_in_git():
    tracked = subprocess.run(["git", "ls-files"], cwd=PROJECT_DIR, capture_output=True, text=True).stdout.split()
    assert not [name for name in tracked if "_faces." in name and name.startswith("figures/")]
    assert [name for name in tracked if name.startswith("data/")] in ([], ["data/README.md"])
