"""The page for visitors: `build/page/` in Chromium, from a server that knows nothing but files."""

import base64
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import (
    FLAGS,
    PATIENCE,
    SCREENSHOTS,
    film_flag,
    read_table,
    serve_files,
    start_camera,
    upload,
    wait_for_state,
    write_large_photos,
)
from PIL import Image

from ferlib.config import EMOTIONS
from ferlib.inference import load_predictor, predict_video, sample_photo
from ferlib.inference._predict import FIELDS
from tools import build_page, build_reader

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page, built anew."""
    if not build_reader.PACKAGES.is_dir():
        pytest.skip("LiteRT.js is not installed: run `npm ci` in app/")
    folder = tmp_path_factory.mktemp("page") / "page"
    build_page.build_page(folder)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """A server of the page, on a port of its own; `address` is where."""
    with serve_files(folder) as server:
        yield server


@pytest.fixture(scope="module")
def browser(chromium, tmp_path_factory):
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    film = film_flag(tmp_path_factory.mktemp("camera") / "face.y4m")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, film])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, server):
    """A function that opens the page for a new visitor, until the first answer; nothing may have gone wrong then."""
    contexts, complaints = [], []

    def open_page(path="", *, width=1440, height=900, **options):
        # Playwright's own waiting would be forbidden by the page's policy
        options = {"bypass_csp": True, "viewport": {"width": width, "height": height}} | options
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        context.on(
            "request",
            lambda request: (
                request.url.startswith((server.address, "data:", "blob:")) or complaints.append(request.url)
            ),
        )
        page.goto(server.address + path)
        if not path:
            wait_for_state(page, "upload", "done")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def status(page):
    return page.locator(".ferlib-upload .ferlib-status").inner_text()


def thumbs(page):
    """What a screen reader says of the photos in the row."""
    return [button.get_attribute("aria-label") for button in page.locator(".ferlib-thumb").all()]


def write_film(path, frames):
    """Write a film that browsers read, ten of these frames a second; the path."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"VP80"), 10, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame[..., ::-1])
    writer.release()
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film of 3 s: one face, nobody, then two."""
    photo = cv2.resize(sample_photo(), (240, 240), interpolation=cv2.INTER_AREA)
    one, none = np.full((2, 240, 480, 3), 120, np.uint8)
    one[:, 120:360] = photo
    frames = [np.roll(one, 2 * i, axis=1) for i in range(10)]
    two = np.hstack([photo, photo[:, ::-1]])
    return write_film(tmp_path_factory.mktemp("film") / "party.webm", [*frames, *[none] * 10, *[two] * 10])


def read_film(page, path):
    """Choose a film as a visitor would; what is said when it has been read."""
    page.get_by_role("tab", name="Film").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a film").click()
    chooser.value.set_files(path)
    return wait_for_film(page)


def wait_for_film(page):
    page.locator(".ferlib-film:is([data-state=done], [data-state=error])").wait_for()
    return page.locator(".ferlib-film .ferlib-status").inner_text()


def open_tabs(page, film):
    """Open one tab after the other; gives the name of each once it has settled."""
    for view, name in {"upload": "Photo", "camera": "Camera", "film": "Film", "steps": "How it works"}.items():
        page.get_by_role("tab", name=name).click()
        if view == "film":
            read_film(page, film)
        elif view != "camera":
            wait_for_state(page, view, "done")
        yield name


def test_the_page_opens_with_an_answer(visit):
    page = visit()
    page.screenshot(path=SCREENSHOTS / "page.png")
    assert "Eileen Collins" in status(page) and "1 face" in status(page)
    assert "do not leave this device" in page.locator("header").inner_text()
    assert "Not for decisions about people" in page.locator(".ferlib-upload .ferlib-limits").inner_text()


def test_the_answer_is_pythons(visit, tmp_path):
    page = visit()
    Image.fromarray(sample_photo()).save(tmp_path / "astronaut.png")
    assert upload(page, tmp_path / "astronaut.png").startswith("1 face")
    (row,) = read_table(page)
    (expected,) = load_predictor()(tmp_path / "astronaut.png")
    assert [int(row[side]) for side in ("x", "y", "width", "height")] == pytest.approx(expected.box, abs=1)
    assert [float(row[emotion]) for emotion in EMOTIONS] == pytest.approx(expected.probabilities, abs=0.005)


def test_a_large_photo_is_answered_as_on_the_command_line(visit, tmp_path):
    page = visit()
    for path in write_large_photos(tmp_path):
        assert upload(page, path).startswith("2 faces")
        for row, face in zip(read_table(page), load_predictor()(path), strict=True):
            assert [float(row[emotion]) for emotion in EMOTIONS] == pytest.approx(face.probabilities, abs=0.01)
            assert [int(row[side]) for side in ("x", "y", "width", "height")] == pytest.approx(face.box, abs=1)


def test_several_photos_are_read_and_one_bad_file_does_not_stop_them(visit, tmp_path):
    page = visit()
    couple = np.concatenate([sample_photo(), sample_photo()[:, ::-1]], axis=1)
    Image.fromarray(couple).save(tmp_path / "couple.jpg")
    (tmp_path / "table.jpg").write_text("name,age\n")
    Image.fromarray(sample_photo()).save(tmp_path / "one.png")
    Image.new("RGB", (300, 200), "gray").save(tmp_path / "fog.png")
    text = upload(page, [tmp_path / name for name in ("couple.jpg", "table.jpg", "one.png", "fog.png")])
    assert text.startswith("2 faces")
    page.locator('.ferlib-thumb[aria-label="fog.png: 0 faces"]').wait_for()
    assert thumbs(page)[0] == "couple.jpg: 2 faces" and thumbs(page)[2] == "one.png: 1 face"
    assert "not a picture" in thumbs(page)[1]
    page.screenshot(path=SCREENSHOTS / "page_several.png")

    page.get_by_role("button", name="table.jpg").click()
    assert "not a picture" in wait_for_state(page, "upload", "error")
    page.get_by_role("button", name="fog.png").click()
    page.get_by_text("No face found in this photo").wait_for()
    page.get_by_role("button", name="one.png").click()
    wait_for_state(page, "upload", "done")
    assert [row["photo"] for row in read_table(page)] == ["couple.jpg", "couple.jpg", "one.png"]


def test_ten_faces_stay_beside_their_photo(visit):
    for width, height in ((1440, 900), (390, 844)):
        page = visit(width=width, height=height)
        page.get_by_role("button", name="ten faces").click()
        page.locator(".ferlib-card").nth(9).scroll_into_view_if_needed()
        page.screenshot(path=SCREENSHOTS / f"page_ten_{width}.png")
        photo, card = page.locator(".ferlib-photo").bounding_box(), page.locator(".ferlib-card").nth(9).bounding_box()
        assert photo["y"] >= 0 and photo["y"] + photo["height"] <= height and card["y"] <= height


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_photo_may_be_dropped_or_pasted_anywhere(visit, way):
    page = visit()
    page.get_by_role("tab", name="Camera").click()
    page.evaluate(
        """async (way) => {
            const canvas = new OffscreenCanvas(80, 40);
            canvas.getContext("2d").fillRect(0, 0, 80, 40);
            const data = new DataTransfer();
            data.items.add(new File([await canvas.convertToBlob()], "dark.png", { type: "image/png" }));
            const event = way === "paste"
                ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
                : new DragEvent("drop", { dataTransfer: data, bubbles: true });
            document.querySelector("footer").dispatchEvent(event);
        }""",
        way,
    )
    page.get_by_text("No face found in this photo").wait_for()
    assert thumbs(page)[0] == "dark.png: 0 faces"


def test_the_camera_is_followed_and_the_snapshot_waits_for_it(visit):
    page = visit()
    page.get_by_role("tab", name="Camera").click()
    snapshot = page.get_by_role("button", name="Snapshot")
    shades = [
        button.evaluate("button => getComputedStyle(button).backgroundColor")
        for button in (snapshot, page.get_by_role("button", name="Start camera"))
    ]
    assert snapshot.is_disabled() and shades[0] != shades[1]
    track = start_camera(page)
    assert any(emotion in page.locator(".ferlib-camera .ferlib-status").inner_text() for emotion in EMOTIONS)
    with page.expect_download() as download:
        snapshot.click()
    assert Image.open(download.value.path()).size == (640, 480)
    page.get_by_role("button", name="Stop camera").click()
    assert track.evaluate("track => track.readyState") == "ended"


def test_the_camera_is_recorded_only_when_asked(visit):
    page = visit()
    page.get_by_role("tab", name="Camera").click()
    record, save = (page.get_by_role("button", name=name) for name in ("Record", "Download csv"))
    assert record.is_disabled() and save.is_disabled()
    start_camera(page)
    assert save.is_disabled()
    record.click()
    page.get_by_text("recording: 5").wait_for()
    page.get_by_role("button", name="Stop camera").click()
    rows = read_table(page)
    assert page.locator(".ferlib-recorded").inner_text().startswith(f"{len(rows)} rows in ")
    assert list(rows[0]) == ["time", "face", *FIELDS]
    times = [float(row["time"]) for row in rows]
    assert times[0] < 3 and times == sorted(times) and int(rows[0]["face"]) >= 1
    assert all(sum(float(row[emotion]) for emotion in EMOTIONS) == pytest.approx(1, abs=0.001) for row in rows)
    assert all(80 < float(row["width"]) < 160 for row in rows)  # pixels of the camera


def test_a_film_is_read_as_python_reads_it(visit, film):
    page = visit()
    assert read_film(page, film).startswith("party.webm: 3 faces in 0:03.0")
    rows = read_table(page)
    assert list(rows[0]) == ["file", "time", "face", *FIELDS]
    expected = predict_video(film, load_predictor())
    assert [(float(row["time"]), int(row["face"])) for row in rows] == [
        (pytest.approx(row["time"], abs=0.05), row["person"]) for row in expected
    ]
    for row, other in zip(rows, expected, strict=True):
        assert [float(row[emotion]) for emotion in EMOTIONS] == pytest.approx([other[e] for e in EMOTIONS], abs=0.05)
        assert row["file"] == "party.webm" and row["predicted"] == other["predicted"]


def test_a_films_timeline_leads_to_its_moments(visit, film):
    def told(seconds):
        page.wait_for_function(f"Math.abs(document.querySelector('video[src]').currentTime - {seconds}) < 0.05")
        page.wait_for_function("!document.querySelector('video[src]').seeking")
        return slider.get_attribute("aria-valuetext")

    page = visit()
    read_film(page, film)
    slider = page.get_by_role("slider", name="Moment of the film")
    assert told(0).startswith("0:00.0: 1 happy")
    page.get_by_role("button", name="0:02.0").first.click()
    assert re.match(r"0:02.0: 2 \w+ .*, 3 \w+ ", told(2))
    page.screenshot(path=SCREENSHOTS / "page_film.png")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert told(1.5) == "0:01.5: no face"
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 5)
    assert "2 happy" in told(2.7)
    slider.press("Home")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    read_film(page, film)
    assert page.get_by_role("button", name="Play").is_enabled()


def test_a_film_that_is_cancelled_keeps_what_was_read(visit, tmp_path):
    page = visit()
    photo = cv2.resize(sample_photo(), (240, 240), interpolation=cv2.INTER_AREA)
    long = write_film(tmp_path / "long.webm", [photo] * 1200)
    page.get_by_role("tab", name="Film").click()
    page.locator(".ferlib-film input[type=file]").set_input_files(long)
    page.get_by_text("of 2:00.0").wait_for()
    page.get_by_role("button", name="Cancel").click()
    said = wait_for_film(page)
    assert "1 face in 0:" in said and "of 2:00.0" in said and read_table(page)


def test_a_bad_film_gets_a_sentence(visit, film, tmp_path):
    page = visit()
    (tmp_path / "notes.mp4").write_text("no film")
    assert "cannot read that film" in read_film(page, tmp_path / "notes.mp4")
    (tmp_path / "empty.mp4").touch()
    assert "empty (0 bytes)" in read_film(page, tmp_path / "empty.mp4")
    fog = write_film(tmp_path / "fog.webm", [np.full((120, 160, 3), 90 + i, np.uint8) for i in range(8)])
    assert "No face found in this film" in read_film(page, fog)
    content = film.read_bytes()
    (tmp_path / "half.webm").write_bytes(content[: len(content) // 2])
    said = read_film(page, tmp_path / "half.webm")
    assert re.search(r"1 face in 0:0\d\.\d of 0:03\.0", said) and "The rest cannot be read" in said
    assert read_film(page, film).startswith("party.webm: 3 faces")  # and the page goes on


def test_a_film_may_be_dropped_anywhere(visit, film):
    page = visit()
    page.evaluate(
        """(content) => {
            const data = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt());
            data.items.add(new File([bytes], "party.webm", { type: "video/webm" }));
            const event = new DragEvent("drop", { dataTransfer: data, bubbles: true });
            document.querySelector("footer").dispatchEvent(event);
        }""",
        base64.b64encode(film.read_bytes()).decode(),
    )
    assert wait_for_film(page).startswith("party.webm: 3 faces")
    assert page.get_by_role("tab", name="Film").get_attribute("aria-selected") == "true"
    assert thumbs(page)[0].startswith("astronaut")


def test_the_steps_follow_the_sliders(visit):
    page = visit()
    page.get_by_role("tab", name="How it works").click()
    before = wait_for_state(page, "steps", "done")
    page.get_by_role("slider", name="light").fill("0.1")
    page.get_by_role("slider", name="blur").fill("3")
    steps = page.locator(".ferlib-steps .ferlib-status")
    page.wait_for_function(
        "before => document.querySelector('.ferlib-steps .ferlib-status').textContent !== before", arg=before
    )
    page.get_by_role("combobox", name="Network").select_option("compact")
    steps.filter(has_text="compact says").wait_for()


def test_tabs_are_walked_with_the_keyboard(visit):
    page = visit()
    page.get_by_role("tab", name="Photo").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(":focus").inner_text() == "Camera"
    assert page.get_by_role("tabpanel").count() == 1 and page.get_by_role("button", name="Start camera").is_visible()
    page.keyboard.press("End")
    assert page.locator(":focus").inner_text() == "How it works"


def test_the_page_works_without_a_network(visit, server):
    page = visit()
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    page.context.set_offline(True)
    page.reload()
    assert "1 face" in wait_for_state(page, "upload", "done")
    page.get_by_role("button", name="ten faces").click()
    page.get_by_text("10 faces").wait_for()


def test_a_new_build_takes_the_place_of_the_old_one(visit, folder):
    page = visit()
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    style = (folder / "page.css").read_text()
    (folder / "page.css").write_text(f"{style}h1 {{ font-style: italic; }}")
    build_page.write_worker(folder)
    page.reload()
    page.evaluate(
        """async () => {
            const isNew = async () => (await (await caches.match("page.css")).text()).includes("italic");
            while ((await caches.keys()).length > 1 || !(await isNew())) await new Promise((go) => setTimeout(go, 100));
        }"""
    )
    page.reload()
    assert page.locator("h1").evaluate("h1 => getComputedStyle(h1).fontStyle") == "italic"
    (folder / "page.css").write_text(style)
    build_page.write_worker(folder)


def test_the_browser_forbids_other_hosts(visit, film):
    page = visit(bypass_csp=False)
    assert "1 face" in status(page) and "3 faces" in read_film(page, film)
    forbidden = page.evaluate(
        """() => new Promise((done) => {
            addEventListener("securitypolicyviolation", ({ blockedURI }) => done(blockedURI));
            fetch("https://example.org/").then(() => done("an answer"), () => {});
        })"""
    )
    assert forbidden.startswith("https://example.org")


@pytest.mark.parametrize("width", [390, 2560])
def test_nothing_is_wider_than_the_screen(visit, server, film, width):
    page = visit(width=width, height=844)
    for name in open_tabs(page, film):
        page.screenshot(path=SCREENSHOTS / f"page_{width}_{name.split()[0].lower()}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for path in ("report/README.html", "report/models/README.html", "report/notebooks/04_evaluate.html"):
        page.goto(server.address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_jumps_while_the_page_opens(visit):
    page = visit()
    moved = page.evaluate(
        """() => new Promise((done) => {
            new PerformanceObserver((list) => done(list.getEntries().reduce((sum, { value }) => sum + value, 0)))
                .observe({ type: "layout-shift", buffered: true });
            setTimeout(() => done(0), 500);
        })"""
    )
    assert moved < 0.1  # what web.dev calls good


def test_dark_is_dark_and_light_is_light(visit):
    def brightness(page):
        color = "getComputedStyle(document.body).backgroundColor"
        return sum(page.evaluate(f"{color}.match(/\\d+/g).slice(0, 3).map(Number)"))

    assert brightness(visit(color_scheme="dark")) < 150 < 600 < brightness(visit(color_scheme="light"))


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_people_out(visit, film, color_scheme):
    def grave(page):
        found = Axe().run(page).response["violations"]
        return [
            (issue["id"], node["target"])
            for issue in found
            if issue["impact"] in ("serious", "critical")
            for node in issue["nodes"]
        ]

    page = visit(color_scheme=color_scheme)
    for _ in open_tabs(page, film):
        assert grave(page) == []
    for path in ("report/README.html", "report/notebooks/04_evaluate.html"):
        assert grave(visit(path, color_scheme=color_scheme)) == []


def test_every_link_leads_to_a_page_and_to_its_place(folder):
    pages = {path: path.read_text() for path in folder.rglob("*.html")}
    missing = []
    for path, text in pages.items():
        for address in re.findall(r'(?:href|src)="([^"]+)"', text):
            place = urlsplit(address)
            if place.scheme:
                continue
            target = Path(path.parent, unquote(place.path)).resolve() if place.path else path
            target = target / "index.html" if target.is_dir() else target
            found = target.is_file() and (not place.fragment or f'id="{unquote(place.fragment)}"' in pages[target])
            if not found:
                missing.append((path.name, address))
    assert missing == []
    assert {"01_explore.html", "04_evaluate.html", "card.html"} < {path.name for path in pages}
