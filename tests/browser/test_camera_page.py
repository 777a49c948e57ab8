"""The camera's view on a page of its own, with a kernel that answers at once: what hours of use would take."""

import functools
import http.server
import threading

import pytest
from lab import film_flag, open_browser

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.demo import camera_view

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><meta charset="utf-8"><body><script type="module">
import view from "./camera.js";
const emotions = %s, colors = %s, handlers = new Set();
let count = 0;
const model = {
  get: (name) => ({ emotions, colors })[name],
  on: (_, handler) => handlers.add(handler),
  off: (_, handler) => handlers.delete(handler),
  send({ id }) {
    const probabilities = emotions.map((_, i) => (i === ++count %% 7 ? 0.7 : 0.05));
    const face = { person: 1, box: [90 + (count %% 50), 40, 80, 80], emotion: "happy", answer: "happy", probabilities };
    setTimeout(() => handlers.forEach((handler) => handler({ id, kind: "faces", faces: [face] }, [])));
  },
};
view.render({ model, el: document.body });
</script>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def address(tmp_path):
    (tmp_path / "camera.js").write_text(camera_view(None)._esm)
    (tmp_path / "index.html").write_text(PAGE % (list(EMOTIONS), EMOTION_COLORS))
    handler = functools.partial(Handler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_ten_thousand_frames_leave_the_page_as_it_was(chromium, address, tmp_path):
    flags = [film_flag(tmp_path / "face.y4m"), "--js-flags=--expose-gc", "--enable-precise-memory-info"]
    with open_browser(chromium, flags=flags) as page:
        page.goto(address)
        page.get_by_role("button", name="Start camera").click()
        sizes = []
        for answers in (2_000, 10_000):
            page.wait_for_function(
                "answers => Number(document.querySelector('.ferlib-camera').dataset.answers) >= answers", arg=answers
            )
            sizes.append(page.evaluate("() => { gc(); return performance.memory.usedJSHeapSize; }"))
        page.get_by_role("button", name="Stop camera").click()
    assert sizes[1] < 1.05 * sizes[0]
