"""The camera's view on a page of its own, with a kernel that answers at once."""

import psutil
import pytest
from lab import film_flag, open_browser, serve_files

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.widgets._demo import CameraView

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><meta charset="utf-8"><body><script type="module">
import view from "./camera.js";
// real pictures, but without waiting until the browser is idle: 60 frames a second otherwise
HTMLCanvasElement.prototype.toBlob = function (done, ...how) {
  const picture = atob(this.toDataURL(...how).split(",")[1]);
  done(new Blob([Uint8Array.from(picture, (character) => character.charCodeAt())]));
};
const emotions = %s, colors = %s, handlers = new Set();
let count = 0;
const model = {
  get: (name) => ({ emotions, colors, promise: "" })[name],
  on: (name, handler) => name === "msg:custom" && handlers.add(handler),
  off: (_, handler) => handlers.delete(handler),
  send({ id }) {
    const probabilities = emotions.map((emotion) => (emotion === "happy" ? 0.5 + (++count %% 40) / 100 : 0.05));
    const box = [90 + (count %% 50), 40, 80, 80];
    const face = { person: 1, box, emotion: "happy", predicted: "happy", probabilities };
    setTimeout(() => handlers.forEach((handler) => handler({ id, kind: "faces", faces: [face] }, [])));
  },
};
view.render({ model, el: document.body });
</script>"""


@pytest.fixture
def address(tmp_path):
    (tmp_path / "camera.js").write_text(CameraView._esm)
    (tmp_path / "index.html").write_text(PAGE % (list(EMOTIONS), EMOTION_COLORS))
    with serve_files(tmp_path) as server:
        yield server.address


def measure_page():
    """Bytes that only the browser's page processes hold."""
    processes = psutil.Process().children(recursive=True)
    return sum(page.memory_full_info().uss for page in processes if "--type=renderer" in page.cmdline())


def test_ten_thousand_frames_leave_the_page_as_it_was(chromium, address, tmp_path):
    with open_browser(chromium, flags=[film_flag(tmp_path / "face.y4m")]) as page:
        page.goto(address)
        page.get_by_role("button", name="Start camera").click()
        sizes = []
        for answers in (5_000, 15_000):  # the browser's own caches are full after some 3,000
            page.wait_for_function(
                "answers => Number(document.querySelector('.ferlib-camera').dataset.answers) >= answers",
                arg=answers,
                timeout=600_000,
            )
            sizes.append(measure_page())
        page.get_by_role("button", name="Stop camera").click()
    assert sizes[0] > 50e6
    assert sizes[1] == pytest.approx(sizes[0], rel=0.1)  # 50 MB; its own caches still grow by 25, and no further


def test_words_and_percentages_change_at_most_twice_a_second(chromium, address, tmp_path):
    with open_browser(chromium, flags=[film_flag(tmp_path / "face.y4m")]) as page:
        page.goto(address)
        page.evaluate(
            """() => {
                [window.said, window.began] = [[], performance.now()];
                const fillText = CanvasRenderingContext2D.prototype.fillText;
                CanvasRenderingContext2D.prototype.fillText = function (text, ...where) {
                    if (text.includes("%") && text !== said.at(-1)) said.push(text);
                    fillText.call(this, text, ...where);
                };
            }"""
        )
        page.get_by_role("button", name="Start camera").click()
        page.wait_for_function("said.length >= 4", timeout=60_000)
        changes, half_seconds = page.evaluate("[said.length - 1, (performance.now() - began) / 500]")
        line = page.locator(".ferlib-status").inner_text()
    assert changes <= half_seconds  # however slow the page is, since every answer has another percentage
    assert line == "happy"  # the label's word


def test_page_without_https_gets_a_sentence(chromium, address):
    with open_browser(chromium, flags=["--host-resolver-rules=MAP face.test 127.0.0.1"]) as page:
        page.goto(address.replace("127.0.0.1", "face.test"))
        page.get_by_role("button", name="Start camera").click()
        assert "https or localhost" in page.locator(".ferlib-status").inner_text()
