"""Execute the notebooks, and keep them fit for git."""

import os
import re
import subprocess
import time
from pathlib import Path

from ferlib.config import NOTEBOOKS_DIR

# Home folders and the like: a path that means nothing on another machine.
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|Users|work|tmp|mnt)/[\w.-]+|[A-Z]:\\\\Users")
# What TensorFlow reports about the machine whenever it is imported, whatever it is told.
NATIVE_LOG = re.compile(
    r"(WARNING: All log messages before absl|[IW]0000 |To enable the following|INFO: Created TensorFlow Lite)"
)
ANSI_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def list_notebooks():
    """Paths of the project's notebooks, in reading order."""
    return sorted(NOTEBOOKS_DIR.glob("[0-9]*.ipynb"))


def run_notebook(path, *, target, on_cell=lambda done, total: None):
    """Execute a notebook in a fresh kernel and write the executed copy.

    Parameters
    ----------
    path : path
    target : path
        Where the executed copy goes; `path` itself to execute it in place.
    on_cell : callable
        Called with (cells done, cells in all) before each code cell, and at the end.

    Raises
    ------
    RuntimeError
        If a cell fails: names notebook and cell, and shows its source and the error.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    path, target = Path(path), Path(target)
    notebook = nbformat.read(path, as_version=4)
    code_cells = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]

    def report(cell, cell_index):
        if cell_index in code_cells:
            on_cell(code_cells.index(cell_index), len(code_cells))

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=report,
    )
    try:
        # what native libraries write past Python would garble the progress bar; errors come back as exceptions
        client.execute(stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        failed = next(number for number, index in enumerate(code_cells, 1) if _has_error(notebook.cells[index]))
        raise RuntimeError(f"{path.name}, code cell {failed} failed:\n{ANSI_COLOR.sub('', str(error))}") from None
    on_cell(len(code_cells), len(code_cells))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    nbformat.write(clean_notebook(notebook), partial)
    os.replace(partial, target)


def run_notebooks(*, in_place=False, folder):
    """Execute all notebooks in order, with a progress bar on stderr.

    Parameters
    ----------
    in_place : bool
        Overwrite the notebooks (for maintainers) instead of writing copies.
    folder : path
        Where the executed copies go.

    Returns
    -------
    dict of str to float
        Seconds by notebook.
    """
    from tqdm import tqdm

    seconds = {}
    for path in list_notebooks():
        start = time.perf_counter()
        with tqdm(
            desc=path.name, unit="cell", bar_format="{desc:20} {bar:30} cell {n_fmt}/{total_fmt}  {elapsed}"
        ) as bar:

            def show(done, total, bar=bar):
                bar.total, bar.n = total, done
                bar.refresh()

            run_notebook(path, target=path if in_place else Path(folder) / path.name, on_cell=show)
        seconds[path.name] = time.perf_counter() - start
    return seconds


def clean_notebook(notebook):
    """Make an executed notebook fit for git, in place: no faces, no widget state, nothing that changes by itself.

    Pictures in cells tagged `faces` are replaced by a line that says so.
    """
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.outputs if not NATIVE_LOG.match(output.get("text", ""))]
        for output in cell.outputs:
            data = output.get("data", {})
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if "faces" in cell.metadata.get("tags", []) and data.pop("image/png", None):
                data["text/plain"] = "(a picture of faces: run the cell to see it)"
    return notebook


def find_problems(notebook):
    """What makes a notebook unfit for git.

    Parameters
    ----------
    notebook : nbformat.NotebookNode

    Returns
    -------
    list of str
        One sentence a problem; empty if there is none.
    """
    problems = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.get("execution_count") for cell in code] != list(range(1, len(code) + 1)):
        problems.append("is not executed from top to bottom: run `make notebooks`")
    if not any(cell.outputs for cell in code):
        problems.append("has no outputs: run `make notebooks`")
    if "widgets" in notebook.metadata:
        problems.append("holds widget state, in which pictures can hide")
    for number, cell in enumerate(code, 1):
        if _has_error(cell):
            problems.append(f"cell {number} holds an error")
        if any(output.get("name") == "stderr" for output in cell.outputs):
            problems.append(f"cell {number} warns on stderr: mend what it warns of")
        tags = cell.metadata.get("tags", [])
        if "faces" in tags and any("image/png" in output.get("data", {}) for output in cell.outputs):
            problems.append(f"cell {number} is tagged faces and holds a picture")
        if re.search(r"\bplot_(faces|prediction|answers)\(", cell.source) and not {"faces", "no-photograph"} & set(
            tags
        ):
            problems.append(f"cell {number} shows faces: tag it faces, or no-photograph if they are means or drawings")
        texts = [cell.source] + [str(output.get("text", output.get("data", {}))) for output in cell.outputs]
        if found := MACHINE_PATH.search(" ".join(texts)):
            problems.append(f"cell {number} names a path of a machine: {found.group()}")
    return problems


def _has_error(cell):
    return any(output.output_type == "error" for output in cell.get("outputs", []))
