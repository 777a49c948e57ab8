"""The demo as a visitor meets it: notebook 05 as `make app` serves it, in Chromium."""

import csv

import nbformat
import numpy as np
import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import SCREENSHOTS, film_flag, kernels, open_browser, serve_app, start_camera, upload, wait_for_state
from PIL import Image

from ferlib.config import EMOTIONS, NOTEBOOKS_DIR
from ferlib.inference import load_predictor, sample_photo

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the page is served."""
    with serve_app(tmp_path_factory.mktemp("app")) as address:
        yield address


@pytest.fixture(scope="module")
def complaints():
    """Errors on the browser's console, and what the page asked of other computers."""
    return []


@pytest.fixture(scope="module")
def page(chromium, address, complaints, tmp_path_factory):
    """The page, after the sample was read."""
    film = film_flag(tmp_path_factory.mktemp("camera") / "face.y4m")
    with open_browser(chromium, flags=[film]) as page:
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        local = (address, "data:", "blob:")
        page.on("request", lambda request: request.url.startswith(local) or complaints.append(request.url))
        page.goto(address)
        wait_for_state(page, "upload", "done")
        yield page


def take_screenshot(page, name):
    page.evaluate("document.body.scrollTo(0, 0)")
    page.screenshot(path=SCREENSHOTS / name)


def open_tabs(page):
    """Open one tab after the other; gives the name of each once it shows an answer, or a camera that is off."""
    settled = ".ferlib-camera, [data-state=done], [data-state=error]"
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_function(
            """settled => [...document.querySelectorAll(".ferlib")]
                .filter((view) => view.offsetParent).every((view) => view.matches(settled))""",
            arg=settled,
        )
        yield tab.inner_text()


def test_the_page_begins_with_a_sample_that_was_read(page):
    text = wait_for_state(page, "upload", "done")
    take_screenshot(page, "app_sample.png")
    assert page.title() == "Read a face"
    assert text.startswith("A sample") and "1 face" in text
    # the demo stands above the story of how it works, though below it in the notebook
    tops = [page.locator(place).first.bounding_box()["y"] for place in ("h1", ".ferlib-upload", ".jp-RenderedImage")]
    assert tops == sorted(tops)


def test_the_page_holds_no_source_and_its_kernels_no_tensorflow(page):
    page_source = page.content()
    cells = nbformat.read(NOTEBOOKS_DIR / "05_demo.ipynb", as_version=4).cells
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines() if " = " in line]
    assert lines and not [line for line in lines if line in page_source]
    files = {file.path for kernel in kernels() for file in kernel.memory_maps()}
    assert any("cv2" in path for path in files)
    assert not [path for path in files if "/tensorflow/" in path]


def test_a_photo_is_uploaded_and_read(page, tmp_path):
    both = np.concatenate([sample_photo(), sample_photo()[:, ::-1]], axis=1)
    Image.fromarray(both).save(tmp_path / "couple.jpg")
    text = upload(page, tmp_path / "couple.jpg")
    take_screenshot(page, "app_upload.png")
    assert text.startswith("2 faces, ") and ". 1: " in text


def test_the_page_reads_the_pixels_that_the_command_line_reads(page, tmp_path):
    # of the kind that a page would shrink, one large face and one small; the second is larger than one message may be
    small = sample_photo()
    large = np.full((2048, 2700, 3), 90, np.uint8)
    large[:, :2048] = small.repeat(4, axis=0).repeat(4, axis=1)
    large[700:1100, 2200:2600] = np.asarray(Image.fromarray(small).resize((400, 400)))
    noise = np.random.default_rng(0).integers(-9, 10, large.shape)
    large = (large + noise).clip(0, 255).astype(np.uint8)
    Image.fromarray(large).save(tmp_path / "photo.jpg", quality=90)
    Image.fromarray(large).save(tmp_path / "photo.png")
    assert (tmp_path / "photo.png").stat().st_size > 8 * 2**20
    for path in (tmp_path / "photo.jpg", tmp_path / "photo.png"):
        assert upload(page, path).startswith("2 faces, ")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download csv").click()
        rows = list(csv.DictReader(download.value.path().open()))
        expected = load_predictor()(path)
        for row, face in zip(rows, expected, strict=True):
            assert [float(row[emotion]) for emotion in EMOTIONS] == pytest.approx(face.probabilities, abs=0.01)
            assert [int(row[side]) for side in ("x", "y", "width", "height")] == list(face.box)


def test_the_camera_is_followed_and_stops(page):
    track = start_camera(page)
    text = page.locator(".ferlib-camera .ferlib-status").inner_text()
    take_screenshot(page, "app_camera.png")
    assert any(emotion in text for emotion in EMOTIONS)
    page.get_by_role("button", name="Stop camera").click()
    wait_for_state(page, "camera", "stopped")
    assert track.evaluate("track => track.readyState") == "ended"


def test_nothing_is_wider_than_a_telephone(page):
    wide = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    for name in open_tabs(page):
        take_screenshot(page, f"app_phone_{name.split()[0].lower()}.png")
        widths = "[document.documentElement, document.body].map(element => element.scrollWidth)"
        assert page.evaluate(widths) == [390, 390]
        right_edges = "elements => elements.map(element => element.getBoundingClientRect().right)"
        assert max(page.locator(".jupyter-widgets *").evaluate_all(right_edges)) <= 390
    page.set_viewport_size(wide)


def test_axe_finds_nothing_that_keeps_people_out(page):
    # JupyterLab draws a figure's picture and has no place for a text instead of it
    context = {"exclude": [[".jp-RenderedImage"]]}
    for _ in open_tabs(page):
        found = Axe().run(page, context=context).response["violations"]
        grave = [issue for issue in found if issue["impact"] in ("serious", "critical")]
        assert not [(issue["id"], node["target"]) for issue in grave for node in issue["nodes"]]


def test_the_browser_did_not_complain_and_asked_nothing_of_others(page, complaints):
    wait_for_state(page, "upload", "done", "error")
    assert complaints == []


def test_a_kernel_ends_with_its_page(page, address):
    wait_for_state(page, "upload", "done", "error")
    kernel_id = page.evaluate("JSON.parse(document.querySelector('#jupyter-config-data').textContent).kernelId")
    mine = [kernel for kernel in kernels() if any(kernel_id in word for word in kernel.cmdline())]
    assert len(mine) == 1
    page.goto("about:blank")
    assert not psutil.wait_procs(mine, timeout=60)[1]
