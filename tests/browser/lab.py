"""A real JupyterLab, or a server of files, and a real browser that looks at it."""

import contextlib
import csv
import functools
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image

from ferlib.config import BUILD_DIR
from ferlib.inference import sample_photo

SCREENSHOTS = BUILD_DIR / "screenshots"
TABS = {"upload": "Photo", "camera": "Camera", "steps": "How it works"}
PATIENCE = 120_000  # ms: two slow cores that others use too
TOKEN = "only-for-this-test"
SETTINGS = {
    "notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "themes": {"theme": "JupyterLab Light"},
}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


@contextlib.contextmanager
def serve_lab(folder, notebook, **environment):
    """A JupyterLab server over `folder / "notebooks"`; gives the address of a notebook there."""
    for name, values in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / "apputils-extension" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    port = _free_port()
    arguments = [
        *f"--no-browser --allow-root --expose-app-in-browser --ip=127.0.0.1 --port={port}".split(),
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder / 'notebooks'}",
        "--ServerApp.kernel_websocket_connection_class=ferlib.widgets.PromptConnection",  # as `make lab` has it
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    places = {f"JUPYTERLAB_{kind}_DIR": str(folder / kind.lower()) for kind in ("SETTINGS", "WORKSPACES")}
    with _serve(folder, "jupyterlab", *arguments, environment=places | environment) as wait_for:
        wait_for(f"http://127.0.0.1:{port}/api?token={TOKEN}")
        yield f"http://127.0.0.1:{port}/lab/tree/{notebook}?token={TOKEN}&reset"


@contextlib.contextmanager
def serve_files(folder):
    """A server of a folder's files, with an `address`."""
    handler = functools.partial(_FileHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.address = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class _FileHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def _serve(folder, module, *arguments, environment):
    """Run a server module; gives a function that waits until an address answers."""
    # nothing of the reader's own Jupyter is read or changed
    places = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    log = folder / "server.txt"
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | places | environment,
        )

    def wait_for(address):
        end = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < end and server.poll() is None:
            try:
                urllib.request.urlopen(address, timeout=5).close()
                return
            except OSError:
                time.sleep(0.2)
        pytest.fail(f"{module} did not start:\n{log.read_text()}")

    try:
        yield wait_for
    finally:
        server.terminate()
        server.wait(timeout=30)


def kernels():
    """The kernels of all servers that this process started."""
    return [child for child in psutil.Process().children(recursive=True) if "ipykernel_launcher" in child.cmdline()]


def find_chromium():
    """Path of an installed Chromium; None if there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextlib.contextmanager
def open_browser(chromium, *, flags=(), width=1400, height=900, **options):
    """An empty page of a new browser."""
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


@contextlib.contextmanager
def run_notebook(chromium, address, *, flags=(), height=900):
    """The page of a notebook, after "Run All Cells" was chosen."""
    with open_browser(chromium, flags=flags, height=height) as page:
        page.goto(address)
        run_all_cells(page)
        yield page


def wait_for_kernel(page):
    """Wait until the notebook's kernel is connected: before, JupyterLab would ask for one."""
    page.wait_for_function(
        """() => {
            const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
            return context?.isReady && context.session?.kernel?.status === "idle";
        }"""
    )


def run_all_cells(page):
    """Choose "Run All Cells", and wait until they have run: only then are the former outputs gone."""
    wait_for_kernel(page)
    page.wait_for_function("window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => true)")


def film_flag(path):
    """Write a film of the sample's face, moving to and fro; gives the flag that makes it the browser's camera."""
    face = cv2.resize(sample_photo(), (480, 480))
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg\n")
        for angle in np.linspace(0, 2 * np.pi, 40, endpoint=False):
            left = round(80 + 60 * np.sin(angle))
            frame = np.full((480, 640, 3), 90, np.uint8)
            frame[:, left : left + 480] = face
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())
    return f"--use-file-for-fake-video-capture={path}"


def wait_for_state(page, view, *states):
    """Open a view's tab, wait, and give the sentence that it then shows."""
    page.get_by_role("tab", name=TABS[view]).click()
    page.locator(", ".join(f".ferlib-{view}[data-state={state}]" for state in states)).wait_for()
    # not inner_text: that is empty while JupyterLab does not draw the cell, which may be off the screen
    return page.locator(f".ferlib-{view} .ferlib-status").text_content()


def upload(page, path):
    """Choose a file as a reader would; the answer's text."""
    wait_for_state(page, "upload", "done", "error")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose photos").click()
    chooser.value.set_files(path)
    page.locator(".ferlib-upload[data-state=busy]").wait_for(state="detached")
    return wait_for_state(page, "upload", "done", "error")


def read_table(page):
    """The rows of the csv that a tab offers, list of dict."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download csv").click()
    with download.value.path().open() as file:
        return list(csv.DictReader(file))


def write_large_photos(folder):
    """Write a JPEG and a PNG of one large face and one small; the PNG is larger than a message may be."""
    small = sample_photo()
    large = np.full((2048, 2700, 3), 90, np.uint8)
    large[:, :2048] = small.repeat(4, axis=0).repeat(4, axis=1)
    large[700:1100, 2200:2600] = cv2.resize(small, (400, 400), interpolation=cv2.INTER_AREA)
    large = (large + np.random.default_rng(0).integers(-9, 10, large.shape)).clip(0, 255).astype(np.uint8)
    paths = folder / "photo.jpg", folder / "photo.png"
    Image.fromarray(large).save(paths[0], quality=90)
    Image.fromarray(large).save(paths[1])
    assert paths[1].stat().st_size > 8 * 2**20
    return paths


def start_camera(page):
    """Start the camera and wait until some frames were answered; its track."""
    page.get_by_role("tab", name="Camera").click()
    seen = int(page.locator(".ferlib-camera").get_attribute("data-answers"))
    page.get_by_role("button", name="Start camera").click()
    page.wait_for_function(
        "seen => Number(document.querySelector('.ferlib-camera').dataset.answers) >= seen + 10", arg=seen
    )
    return page.locator(".ferlib-camera video").evaluate_handle("video => video.srcObject.getTracks()[0]")
