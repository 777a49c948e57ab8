"""Execute the notebooks, into copies fit for git or into an HTML report of one run."""

import base64
import os
import time
from pathlib import Path

from ferlib._atomic import whole_or_nothing
from ferlib.config import FIGURES_DIR, NOTEBOOKS_DIR


def run_notebooks(*, in_place=False, folder):
    """Execute all notebooks in order, with a line each on stdout; outputs of cells tagged `faces` are left out.

    Parameters
    ----------
    in_place : bool
        Overwrite the notebooks (for maintainers) instead of writing copies to `folder`.
    folder : path

    Raises
    ------
    RuntimeError
        If a cell fails: names notebook and cell, and shows the error.
    """
    import nbformat

    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    for path in sorted(NOTEBOOKS_DIR.glob("[0-9]*.ipynb")):
        print(f"{path.name:20}", end="", flush=True)
        start = time.perf_counter()
        notebook = _execute(path)
        # the same on every machine, so that git sees only real changes
        notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
        for cell in notebook.cells:
            if "faces" in cell.metadata.get("tags", []):
                cell.outputs = []
            for output in cell.get("outputs", []):
                _replace_widget(output.get("data", {}))
        with whole_or_nothing(path if in_place else Path(folder) / path.name) as target:
            nbformat.write(notebook, target)
        print(f"{time.perf_counter() - start:4.0f} s", flush=True)


def _replace_widget(data):
    """Take the widget out of an output's data, since it is nothing without its kernel; the demo leaves its picture."""
    widget = data.pop("application/vnd.jupyter.widget-view+json", None)
    if widget and data["text/plain"].startswith("Demo("):
        data["image/jpeg"] = base64.b64encode((FIGURES_DIR / "demo.jpg").read_bytes()).decode()


def export_report(run, path):
    """Notebook 04 about one run, as an HTML file without code; with faces, where FER2013 is at hand.

    Parameters
    ----------
    run : str
        Folder in `models/`.
    path : path
    """
    from nbconvert import HTMLExporter

    notebook = _execute(NOTEBOOKS_DIR / "04_evaluate.ipynb", FERLIB_RUN=run)
    hidden = dict.fromkeys(("exclude_input", "exclude_input_prompt", "exclude_output_prompt"), True)
    exporter = HTMLExporter(**hidden, mathjax_url="", require_js_url="")
    with whole_or_nothing(Path(path)) as target:
        target.write_text(exporter.from_notebook_node(notebook, {"metadata": {"name": run}})[0], encoding="utf-8")


def _execute(path, **environment):
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbconvert.filters import strip_ansi

    client = NotebookClient(nbformat.read(path, 4), timeout=None, kernel_name="python3", record_timing=False)
    client.resources = {"metadata": {"path": str(path.parent)}}
    client.extra_arguments = ["--log-level=ERROR"]
    try:
        return client.execute(env=os.environ | environment)
    except CellExecutionError as error:
        failed = f"{path.name}, code cell {client.code_cells_executed} failed"
        raise RuntimeError(f"{failed}:\n{strip_ansi(str(error))}") from None
