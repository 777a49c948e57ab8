"""`demo(reader="browser")` in JupyterLab: faces are read where the camera is, whatever computer the kernel runs on."""

import nbformat
import pytest
from lab import (
    SCREENSHOTS,
    film_flag,
    open_browser,
    read_table,
    run_all_cells,
    serve_lab,
    start_camera,
    upload,
    wait_for_state,
)
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from ferlib.config import DEMO_RUN, EMOTIONS
from ferlib.inference import load_predictor, sample_photo
from tools import build_reader

pytestmark = pytest.mark.browser

SOURCE = """
from pathlib import Path
from ferlib.widgets import _reader, demo
_reader.READER_DIR = Path({!r})
demo(reader="browser")
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where a notebook with the demo is served."""
    if not build_reader.PACKAGES.is_dir():
        pytest.skip("LiteRT.js is not installed: run `npm ci` in app/")
    folder = tmp_path_factory.mktemp("browser")
    build_reader.build_reader(folder / "reader", (DEMO_RUN, "compact"))
    (folder / "notebooks").mkdir()
    notebook = new_notebook(cells=[new_code_cell(SOURCE.strip().format(str(folder / "reader")))])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "notebooks" / "demo.ipynb")
    with serve_lab(folder, "demo.ipynb") as address:
        yield address


@pytest.fixture(scope="module")
def page(chromium, address, tmp_path_factory):
    """The demo after "Run All Cells"; `sent` is what went to the server meanwhile."""
    film = film_flag(tmp_path_factory.mktemp("camera") / "face.y4m")
    with open_browser(chromium, flags=[film]) as page:
        page.sent, page.errors = [], []
        page.on("websocket", lambda socket: socket.on("framesent", lambda content: page.sent.append(content)))
        page.on("request", lambda request: request.post_data_buffer and page.sent.append(request.post_data_buffer))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(address)
        run_all_cells(page)
        yield page


def no_picture(sent):
    """Whether only small messages went out: a frame has 10 kB."""
    return sent and max(map(len, sent)) < 3000


def test_the_sample_and_a_photo_are_answered_as_python_does(page, tmp_path):
    assert wait_for_state(page, "upload", "done").startswith("A sample")
    page.sent.clear()
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestKernelInfo()")
    Image.fromarray(sample_photo()).save(tmp_path / "astronaut.png")
    assert upload(page, tmp_path / "astronaut.png").startswith("1 face")
    page.screenshot(path=SCREENSHOTS / "lab_browser.png")
    (row,) = read_table(page)
    (expected,) = load_predictor()(tmp_path / "astronaut.png")
    assert [int(row[side]) for side in ("x", "y", "width", "height")] == pytest.approx(expected.box, abs=1)
    assert [float(row[emotion]) for emotion in EMOTIONS] == pytest.approx(expected.probabilities, abs=0.005)
    assert no_picture(page.sent)


def test_the_camera_is_followed(page):
    page.sent.clear()
    track = start_camera(page)
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestKernelInfo()")
    page.screenshot(path=SCREENSHOTS / "lab_browser_camera.png")
    assert any(emotion in page.locator(".ferlib-camera .ferlib-status").text_content() for emotion in EMOTIONS)
    page.get_by_role("button", name="Stop camera").click()
    assert "off" in wait_for_state(page, "camera", "stopped")
    assert track.evaluate("track => track.readyState") == "ended"
    assert no_picture(page.sent)


def test_the_steps_take_the_networks_that_were_built(page):
    wait_for_state(page, "steps", "done")
    networks = page.get_by_role("combobox", name="Network")
    assert set(networks.locator("option").evaluate_all("all => all.map(({ value }) => value)")) == {DEMO_RUN, "compact"}
    networks.select_option("compact")
    page.locator(".ferlib-steps .ferlib-status").filter(has_text="compact says").wait_for()
    assert page.errors == []


def test_it_outlives_its_kernel_and_ends_with_its_views(page):
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    start_camera(page)
    readers = [worker for worker in page.workers if worker.url.startswith("blob:")]
    assert len(readers) == 1
    with readers[0].expect_event("close"):
        page.evaluate("jupyterapp.shell.currentWidget.dispose()")
