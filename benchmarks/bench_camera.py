"""The demo's camera, with the kernel as reader and with the browser: how soon a frame is answered, and what it costs.

A film of 640x480 pixels takes the camera's place, 20 seconds long. `ms` is from grabbing a frame to placing its boxes;
`drawings` are of the boxes over the video; `cores` what the kernel keeps busy. `first answer` is the sample's: in
JupyterLab after the cell is run, on the page after it is opened for the first time (empty cache), a median of 5 visits.
The page of the package `rmn` is not beside them: neither wheel nor source of its 3.3.0 on PyPI holds it.
"""

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

CELLS = {
    "JupyterLab, kernel": "from ferlib import demo\ndemo()",
    "JupyterLab, browser": 'from ferlib import demo\ndemo(reader="browser")',
}


def main():
    """Follow the film in JupyterLab with both readers, visit the page, follow the film there."""
    import pandas as pd

    from tests.browser.lab import film_flag, find_chromium, open_browser, serve_files
    from tools.build_page import PAGE_DIR

    chromium = find_chromium()
    if not chromium:
        return pd.DataFrame(index=["no Chromium is installed: nothing was measured"])
    if not PAGE_DIR.is_dir():
        return pd.DataFrame(index=["run `make page` first: nothing was measured"])
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flags = [film_flag(folder / "face.y4m")]
        for row, source in CELLS.items():
            rows[row] = _measure_notebook(chromium, folder, source, flags)
        # Playwright's own waiting would be forbidden by the page's policy
        with serve_files(PAGE_DIR) as server, open_browser(chromium, flags=flags, bypass_csp=True) as page:
            ready = [_visit(page.context.browser, server.address) for _ in range(VISITS)]
            page.goto(server.address)
            rows["the page"] = {"first answer, s": median(ready)} | _follow(page)
    return pd.DataFrame(rows).T.round(2)


def _measure_notebook(chromium, folder, source, flags):
    """What a demo in a notebook of one cell takes."""
    import nbformat

    from tests.browser.lab import open_browser, run_all_cells, serve_lab, wait_for_kernel, wait_for_state

    (folder / "notebooks").mkdir(exist_ok=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "notebooks" / "demo.ipynb")
    with serve_lab(folder, "demo.ipynb") as address, open_browser(chromium, flags=flags) as page:
        page.goto(address)
        wait_for_kernel(page)
        start = time.perf_counter()
        run_all_cells(page)
        wait_for_state(page, "upload", "done")
        return {"first answer, s": time.perf_counter() - start} | _follow(page)


def _visit(browser, address):
    """Seconds until a page of its own, with an empty cache, shows the sample's answer."""
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(address, wait_until="commit")
    page.locator(".ferlib-upload[data-state=done]").wait_for()
    seconds = page.evaluate("performance.now()") / 1000
    context.close()
    return seconds


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
    """Processor time of all kernels."""
    from tests.browser.lab import kernels

    return sum(sum(kernel.cpu_times()[:2]) for kernel in kernels())


if __name__ == "__main__":
    print(main().to_string())
