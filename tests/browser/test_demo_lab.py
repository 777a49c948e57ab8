"""The demo as a reader meets it: JupyterLab in Chromium, notebook 05, a picture, a camera."""

import csv
import shutil

import numpy as np
import pytest
from lab import (
    SCREENSHOTS,
    film_flag,
    kernels,
    read_table,
    run_all_cells,
    run_notebook,
    serve_lab,
    start_camera,
    upload,
    wait_for_state,
    write_large_photos,
)
from PIL import Image

from ferlib.config import EMOTIONS, NOTEBOOKS_DIR
from ferlib.inference import load_predictor, sample_photo

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where notebook 05 is served."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    shutil.copy(NOTEBOOKS_DIR / "05_demo.ipynb", folder / "notebooks")
    # the embedded set, so that the notebook does not write over the figures of FER2013
    with serve_lab(folder, "05_demo.ipynb", FERLIB_DATA="embedded") as address:
        yield address


@pytest.fixture(scope="module")
def page(chromium, address, tmp_path_factory):
    """Notebook 05 after "Run All Cells"."""
    film = film_flag(tmp_path_factory.mktemp("camera") / "face.y4m")
    with run_notebook(chromium, address, flags=[film]) as page:
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and page.errors.append(message.text))
        yield page


@pytest.fixture(autouse=True)
def no_error_in_the_console(page):
    yield
    assert page.errors == []


def take_screenshot(page, name):
    page.evaluate("document.querySelector('.jupyter-widget-tab').scrollIntoView()")
    page.screenshot(path=SCREENSHOTS / name)


def test_sample_is_read_before_the_user_does_anything(page):
    text = wait_for_state(page, "upload", "done")
    take_screenshot(page, "lab_sample.png")
    assert text.startswith("A sample") and "1 face" in text
    assert any(emotion in text for emotion in EMOTIONS)


def test_dark_theme_is_followed(page):
    def brightness():
        color = "getComputedStyle(document.querySelector('.ferlib-status')).color"
        return sum(page.evaluate(f"{color}.match(/\\d+/g).slice(0, 3).map(Number)"))

    def switch(theme):
        page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
        page.wait_for_selector("#jupyterlab-splash", state="detached")

    wait_for_state(page, "upload", "done")
    dark_text = brightness()
    switch("JupyterLab Dark")
    take_screenshot(page, "lab_sample_dark.png")
    assert brightness() > 500 > 250 > dark_text
    switch("JupyterLab Light")


def test_uploaded_picture_is_read(page, tmp_path):
    wait_for_state(page, "upload", "done")
    both = np.concatenate([sample_photo(), sample_photo()[:, ::-1]], axis=1)
    Image.fromarray(both.repeat(2, axis=0).repeat(2, axis=1)).save(tmp_path / "couple.jpg")
    text = upload(page, tmp_path / "couple.jpg")
    take_screenshot(page, "lab_upload.png")
    assert text.startswith("2 faces, ") and ". 1: " in text
    cards = page.locator(".ferlib-card")
    assert cards.count() == 2
    assert cards.first.locator(".ferlib-name").all_inner_texts() == list(EMOTIONS)
    shares = [int(share.split()[0]) for share in cards.first.locator(".ferlib-value").all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=4)
    # 2048 pixels wide were shrunk before they were sent
    assert page.locator(".ferlib-photo").evaluate("canvas => canvas.width") == 1600

    # the second face is chosen by a tap on the photo, the first by its card
    box = page.locator(".ferlib-photo").bounding_box()
    page.locator(".ferlib-photo").click(position={"x": box["width"] * 0.78, "y": box["height"] * 0.22})
    assert cards.nth(1).get_by_role("button").get_attribute("aria-pressed") == "true"
    take_screenshot(page, "lab_chosen.png")
    cards.first.get_by_role("button").click()
    pressed = [card.get_by_role("button").get_attribute("aria-pressed") for card in cards.all()]
    assert pressed == ["true", "false"]


def test_answers_can_be_taken_home(page, tmp_path):
    wait_for_state(page, "upload", "done", "error")
    Image.fromarray(sample_photo().repeat(4, axis=0).repeat(4, axis=1)).save(tmp_path / "large.jpg")
    upload(page, tmp_path / "large.jpg")
    files = {}
    for name in ("Download the photo with its boxes", "Download csv"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        files[download.value.suggested_filename] = download.value.path()
    assert Image.open(files["large_faces.jpg"]).size == (1600, 1600)
    (row,) = csv.DictReader(files["large_faces.csv"].open())
    assert row["predicted"] in (*EMOTIONS, "not sure")
    assert sum(float(row[emotion]) for emotion in EMOTIONS) == pytest.approx(1, abs=1e-3)
    (expected,) = load_predictor()(sample_photo())
    assert [int(row[side]) / 4 for side in ("x", "y", "width", "height")] == pytest.approx(expected.box, abs=12)


def test_a_large_photo_is_answered_as_on_the_command_line(page, tmp_path):
    for path in write_large_photos(tmp_path):
        assert upload(page, path).startswith("2 faces, ")
        for row, face in zip(read_table(page), load_predictor()(path), strict=True):
            assert [float(row[emotion]) for emotion in EMOTIONS] == pytest.approx(face.probabilities, abs=0.01)
            assert [int(row[side]) for side in ("x", "y", "width", "height")] == list(face.box)


def test_the_kernel_does_without_tensorflow(page):
    wait_for_state(page, "upload", "done", "error")
    files = {file.path for kernel in kernels() for file in kernel.memory_maps()}
    assert any("cv2" in path for path in files)
    assert not [path for path in files if "/tensorflow/" in path]


def test_a_photo_of_20_megabytes_is_read(page, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (4096, 4096, 3), dtype=np.uint8)
    noise[1000:3048, 1000:3048] = sample_photo().repeat(4, axis=0).repeat(4, axis=1)
    Image.fromarray(noise).save(tmp_path / "phone.jpg", quality=96, subsampling=0)
    assert (tmp_path / "phone.jpg").stat().st_size > 20e6
    assert "1 face" in upload(page, tmp_path / "phone.jpg")


def test_steps_follow_the_sliders(page, tmp_path):
    Image.fromarray(sample_photo()).save(tmp_path / "astronaut.png")
    upload(page, tmp_path / "astronaut.png")
    before = wait_for_state(page, "steps", "done")
    take_screenshot(page, "lab_steps.png")
    assert "parameters" in page.locator("span.ferlib-about").text_content()
    page.get_by_role("slider", name="light").fill("0.1")
    page.get_by_role("slider", name="blur").fill("3")
    page.wait_for_function(
        "before => document.querySelector('.ferlib-steps .ferlib-status').textContent !== before", arg=before
    )
    wait_for_state(page, "steps", "done")
    take_screenshot(page, "lab_steps_corrupted.png")
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function(
        "before => document.querySelector('.ferlib-steps .ferlib-status').textContent === before", arg=before
    )


def test_no_face_and_no_picture_get_a_sentence(page, tmp_path):
    wait_for_state(page, "upload", "done")
    Image.new("RGB", (300, 200), "gray").save(tmp_path / "fog.png")
    (tmp_path / "table.jpg").write_text("name,age\n")
    assert "No face found" in upload(page, tmp_path / "fog.png")
    assert "not a picture" in upload(page, tmp_path / "table.jpg")
    take_screenshot(page, "lab_not_a_picture.png")


@pytest.mark.parametrize(("way", "width"), [("paste", 60), ("drop", 80)])
def test_picture_may_be_pasted_or_dropped(page, way, width):
    wait_for_state(page, "upload", "done", "error")
    page.locator(".ferlib-drop span").click()
    assert page.evaluate("document.activeElement.className") == "ferlib-drop"
    page.evaluate(
        """async ([way, width]) => {
            const canvas = new OffscreenCanvas(width, 40);
            canvas.getContext("2d").fillRect(0, 0, width, 40);
            const data = new DataTransfer();
            data.items.add(new File([await canvas.convertToBlob()], "black.png", { type: "image/png" }));
            const options = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
            const event = way === "paste" ? new ClipboardEvent("paste", options) : new DragEvent("drop", options);
            document.activeElement.dispatchEvent(event);
        }""",
        [way, width],
    )
    page.wait_for_function("width => document.querySelector('.ferlib-photo').width === width", arg=width)
    assert "No face found" in wait_for_state(page, "upload", "error")


def test_camera_is_followed_and_stops(page):
    track = start_camera(page)
    text = page.locator(".ferlib-camera .ferlib-status").text_content()
    take_screenshot(page, "lab_camera.png")
    assert any(emotion in text for emotion in EMOTIONS)
    page.get_by_role("button", name="Stop camera").click()
    assert "off" in wait_for_state(page, "camera", "stopped")
    assert track.evaluate("track => track.readyState") == "ended"


@pytest.mark.parametrize(
    ("error", "sentence"), [("NotAllowedError", "not allowed"), ("NotFoundError", "No camera found")]
)
def test_camera_that_does_not_come_gets_a_sentence(page, error, sentence):
    page.get_by_role("tab", name="Camera").click()
    page.evaluate(
        """error => {
            const devices = navigator.mediaDevices;
            const real = devices.getUserMedia;
            devices.getUserMedia = async () => {
                devices.getUserMedia = real;
                throw new DOMException("", error);
            };
        }""",
        error,
    )
    page.get_by_role("button", name="Start camera").click()
    page.wait_for_function("!document.querySelector('.ferlib-camera .ferlib-status').textContent.includes('Waiting')")
    assert sentence in wait_for_state(page, "camera", "error")


def test_camera_that_is_unplugged_gets_a_sentence(page):
    track = start_camera(page)
    track.evaluate("track => { track.stop(); track.dispatchEvent(new Event('ended')); }")
    assert "unplugged" in wait_for_state(page, "camera", "error")


def test_snapshot_shows_what_is_on_the_screen(page):
    start_camera(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Snapshot").click()
    assert Image.open(download.value.path()).size == (640, 480)
    page.get_by_role("button", name="Stop camera").click()
    wait_for_state(page, "camera", "stopped")


def test_camera_outlives_a_busy_kernel(page):
    start_camera(page)
    page.evaluate(
        """async () => {
            const { session } = window.jupyterapp.shell.currentWidget.sessionContext;
            await session.kernel.requestExecute({ code: "import time; time.sleep(5)" }).done;
        }"""
    )
    seen = int(page.locator(".ferlib-camera").get_attribute("data-answers"))
    page.wait_for_function(
        "seen => Number(document.querySelector('.ferlib-camera').dataset.answers) >= seen + 10", arg=seen
    )
    page.get_by_role("button", name="Stop camera").click()
    wait_for_state(page, "camera", "stopped")


def wait_for_end(track):
    track.evaluate(
        """async (track) => {
            while (track.readyState !== "ended") await new Promise((resolve) => setTimeout(resolve, 100));
        }"""
    )


def test_camera_goes_off_when_the_cell_is_run_again(page):
    track = start_camera(page)
    run_all_cells(page)
    wait_for_end(track)
    assert "A sample" in wait_for_state(page, "upload", "done")


def run_the_demos_cell(page):
    page.evaluate(
        """() => {
            const notebook = jupyterapp.shell.currentWidget.content;
            const isDemo = ({ model }) => model.sharedModel.source.endsWith("demo()");
            notebook.activeCellIndex = notebook.widgets.findIndex(isDemo);
            return jupyterapp.commands.execute("notebook:run-cell");
        }"""
    )


def test_a_restarted_kernel_gets_a_sentence_and_the_demos_cell_runs_alone(page):
    track = start_camera(page)
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    wait_for_end(track)
    sentence = page.get_by_text("choose Run All Cells").filter(visible=True)
    sentence.wait_for()
    take_screenshot(page, "lab_restarted.png")
    assert page.get_by_role("button", name="Start camera").count() == 0
    run_the_demos_cell(page)
    assert "A sample" in wait_for_state(page, "upload", "done")
    assert sentence.count() == 0


def test_camera_goes_off_when_the_notebook_is_closed(page):
    track = start_camera(page)
    page.evaluate("window.jupyterapp.shell.currentWidget.dispose()")
    wait_for_end(track)
    page.evaluate("void window.jupyterapp.commands.execute('docmanager:open', { path: '05_demo.ipynb' })")
    run_all_cells(page)
    assert "A sample" in wait_for_state(page, "upload", "done")


def test_camera_goes_off_when_the_kernel_is_gone(page):
    track = start_camera(page)
    page.evaluate("void window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    wait_for_end(track)
    assert "kernel" in wait_for_state(page, "camera", "error")


def test_a_notebook_opened_again_says_how_to_get_the_demo(page):
    page.evaluate(
        """async () => {
            const { shell, commands } = jupyterapp;
            await commands.execute("docmanager:save");
            await shell.currentWidget.sessionContext.shutdown();
            shell.currentWidget.dispose();
            await commands.execute("docmanager:open", { path: "05_demo.ipynb" });
        }"""
    )
    note = page.locator(".ferlib-note")
    page.wait_for_function("window.jupyterapp.shell.currentWidget?.context?.isReady")
    note.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelectorAll('.jp-OutputArea-child')].some((e) => e.textContent.includes('model not found'))"
    )
    note.wait_for()
    page.screenshot(path=SCREENSHOTS / "lab_opened_again.png")
    assert not page.get_by_text("model not found").is_visible()
    page.errors.clear()  # JupyterLab complains of the model
    run_all_cells(page)
    assert "A sample" in wait_for_state(page, "upload", "done")
    assert not note.is_visible()
