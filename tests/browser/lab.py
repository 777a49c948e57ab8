"""A real JupyterLab with one notebook, and a real browser that looks at it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from ferlib.config import BUILD_DIR

SCREENSHOTS = BUILD_DIR / "screenshots"
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # nothing of the reader's own Jupyter is read or changed
    kinds = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    places = {f"JUPYTER_{kind}": str(folder / kind.lower()) for kind in kinds}
    places |= {f"JUPYTERLAB_{kind}_DIR": str(folder / kind.lower()) for kind in ("SETTINGS", "WORKSPACES")}
    arguments = [
        *f"--no-browser --allow-root --expose-app-in-browser --ip=127.0.0.1 --port={port}".split(),
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder / 'notebooks'}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    with (folder / "server.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | places | environment,
        )
    try:
        _wait_for_server(f"http://127.0.0.1:{port}/api?token={TOKEN}", server, folder / "server.txt")
        yield f"http://127.0.0.1:{port}/lab/tree/{notebook}?token={TOKEN}&reset"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for_server(address, server, log):
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")


@contextlib.contextmanager
def run_notebook(chromium, address, *, flags=(), height=900):
    """The page of a notebook, after "Run All Cells" was chosen."""
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])
        page = browser.new_page(viewport={"width": 1400, "height": height})
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        # cells that run before the kernel is connected make JupyterLab ask for one
        page.wait_for_function(
            """() => {
                const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
                return context?.isReady && context.session?.kernel?.status === "idle";
            }"""
        )
        page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        yield page
        browser.close()
