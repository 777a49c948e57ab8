"""Draw `figures/demo.jpg`, two tabs of the page as a browser shows them: `python -m tools.draw_demo` after `make page`.

It shows the astronaut Eileen Collins (NASA, public domain), as a photo and in the camera's place.
"""

import tempfile
from pathlib import Path

import numpy as np

from ferlib.config import FIGURES_DIR
from ferlib.inference import read_photo
from ferlib.widgets._view import encode_picture
from tests.browser.lab import film_flag, find_chromium, open_browser, serve_files, start_camera, wait_for_state
from tools.build_page import PAGE_DIR

HEIGHT = 640  # pixels, from the tabs down


def look(page, address, width):
    """Open the page at a width; a function that gives the pixels of the tab that is open."""
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(address)
    wait_for_state(page, "upload", "done")

    def take():
        top = page.get_by_role("tablist").bounding_box()["y"] - 4
        return read_photo(page.screenshot(clip={"x": 0, "y": top, "width": width, "height": HEIGHT}, full_page=True))

    return take


def draw_demo(folder=PAGE_DIR):
    """The photo's tab beside the camera's, (640, 1280, 3) uint8."""
    with (
        tempfile.TemporaryDirectory() as temporary,
        serve_files(folder) as server,
        open_browser(find_chromium(), flags=[film_flag(Path(temporary) / "face.y4m")], bypass_csp=True) as page,
    ):
        photo = look(page, server.address, 800)()
        take = look(page, server.address, 480)
        page.add_style_tag(content=".ferlib-camera .ferlib-rate { display: none; }")  # how fast this machine is
        start_camera(page)
        page.wait_for_timeout(1500)  # until the words are told
        camera = take()
    return np.hstack([photo, camera])


if __name__ == "__main__":
    (FIGURES_DIR / "demo.jpg").write_bytes(encode_picture(draw_demo(), ".jpg"))
