"""The demo's camera, in JupyterLab and as a web page: how soon a frame is answered, and what it costs.

A film of 640x480 pixels takes the camera's place, 20 seconds long. `ms` is from grabbing a frame to placing its boxes;
`drawings` are of the boxes over the video; `cores` what the kernel keeps busy. `first paint` and `ready`, when the
sample's answer stands on the page, are medians of first visits (empty cache, a kernel waiting).
"""

import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

SECONDS = 20
VISITS = 5

FOLLOW = """async (seconds) => {
    const view = document.querySelector(".ferlib-camera");
    const drawn = Number(view.dataset.frames);
    const times = [];
    const observer = new MutationObserver(() => times.push(Number(view.dataset.milliseconds)));
    observer.observe(view, { attributeFilter: ["data-answers"] });
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    observer.disconnect();
    return [times, Number(view.dataset.frames) - drawn];
}"""


def main():
    """Follow the film in JupyterLab, visit the page, follow the film there."""
    import pandas as pd

    from ferlib.config import NOTEBOOKS_DIR
    from tests.browser.lab import film_flag, open_browser, run_notebook, serve_app, serve_lab, wait_for_state

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        return pd.DataFrame(index=["no Chromium is installed: nothing was measured"])
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flags = [film_flag(folder / "face.y4m")]
        (folder / "notebooks").mkdir()
        shutil.copy(NOTEBOOKS_DIR / "05_demo.ipynb", folder / "notebooks")
        with (
            serve_lab(folder, "05_demo.ipynb", FERLIB_DATA="embedded") as address,
            run_notebook(chromium, address, flags=flags) as page,
        ):
            wait_for_state(page, "upload", "done")
            rows["JupyterLab"] = _follow(page)
        with serve_app(folder) as address, open_browser(chromium, flags=flags) as page:
            times = [_visit(page.context.browser.new_page(), address) for _ in range(VISITS)]
            paint, ready = (median(column) / 1000 for column in zip(*times, strict=True))
            page.goto(address)
            _wait_for_kernels()
            rows["web page"] = _follow(page) | {"first paint, s": paint, "ready, s": ready}
    return pd.DataFrame(rows).T.round(2)


def _visit(page, address):
    """Milliseconds until a page of its own, with an empty cache, shows anything, and the sample's answer."""
    _wait_for_kernels()
    page.goto(address, wait_until="commit")
    page.locator(".ferlib-upload[data-state=done]").wait_for()
    ready = page.evaluate("performance.now()")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.goto("about:blank")  # ends the kernel
    page.close()
    return paint, ready


def _follow(page):
    """What following the film costs and gives, in a page that shows the demo."""
    from tests.browser.lab import start_camera

    start_camera(page)
    before = _busy_seconds()
    start = time.perf_counter()
    times, drawings = page.evaluate(FOLLOW, SECONDS)
    seconds = time.perf_counter() - start
    cores = (_busy_seconds() - before) / seconds
    page.get_by_role("button", name="Stop camera").click()
    return {
        "answers a second": len(times) / seconds,
        "median ms": median(times),
        "95th percentile ms": sorted(times)[int(0.95 * len(times))],
        "drawings a second": drawings / seconds,
        "kernel, cores": cores,
    }


def _busy_seconds():
    """Processor time of all kernels; those that wait for a visitor use next to none."""
    from tests.browser.lab import kernels

    return sum(sum(kernel.cpu_times()[:2]) for kernel in kernels())


def _wait_for_kernels():
    """Until the kernels of the next visitors have run the notebook."""
    busy = 1
    time.sleep(3)
    while busy > 0.05:
        before = _busy_seconds()
        time.sleep(1)
        busy = _busy_seconds() - before


if __name__ == "__main__":
    print(main().to_string())
