"""The browser's reader, beside Python's: the same pixels, the same faces, the same answers."""

import base64
import os
import shutil
import subprocess
from types import SimpleNamespace

import cv2
import matplotlib.cbook
import numpy as np
import pytest
from lab import open_browser, serve_files

from ferlib.config import EMOTIONS, PROJECT_DIR
from ferlib.data import load_faces
from ferlib.evaluation import apply_corruptions
from ferlib.inference import FacePrediction, Tracker, load_predictor, read_photo, sample_photo
from ferlib.inference._video import _follow
from ferlib.widgets._demo import _describe
from tools.build_reader import build_reader
from tools.portrait import draw_face

pytestmark = pytest.mark.browser

ASK = """async ([message, ...pictures]) => {
    const bytes = pictures.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt()).buffer);
    return (await reader.ask(message, bytes, 60_000))[0];
}"""

# in the page itself, so that its memory and LiteRT's are seen
FRAMES = """async ([count, picture]) => {
    const { openSession } = await import("./reader/session.js");
    const { getGlobalLiteRt } = await import("./reader/litert/index.js");
    window.session ??= await openSession();
    const file = await (await fetch(picture)).blob();
    for (let i = 0; i < count; i++) await session.reply({ kind: "frame" }, [await createImageBitmap(file)]);
    return getGlobalLiteRt().liteRtWasm.HEAPU8.length;
}"""


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """A page with a `reader`."""
    if not (PROJECT_DIR / "app" / "node_modules").is_dir():
        if not shutil.which("npm"):
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no npm is installed")
        subprocess.run(["npm", "ci", "--silent"], cwd=PROJECT_DIR / "app", check=True)
    folder = tmp_path_factory.mktemp("page")
    build_reader(folder / "reader")
    (folder / "index.html").write_text('<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">')
    with serve_files(folder) as server, open_browser(chromium) as page:
        page.goto(server.address)
        page.evaluate("""async () => {
            const { openReader } = await import("./reader/reader.js");
            window.reader = openReader("reader/worker.js");
        }""")
        yield page


@pytest.fixture(scope="module")
def predictor():
    return load_predictor()


def to_text(photo):
    return base64.b64encode(cv2.imencode(".png", photo[..., ::-1])[1].tobytes()).decode()


def change(photo, *, scale=1.0, roll=0, light=1.0, noise=0, blur=0):
    """A photo turned about its middle, scaled, in another light, noisy or out of focus."""
    middle = (photo.shape[1] / 2, photo.shape[0] / 2)
    turned = cv2.warpAffine(photo, cv2.getRotationMatrix2D(middle, roll, 1), photo.shape[1::-1])
    turned = cv2.GaussianBlur(turned, (0, 0), blur) if blur else turned
    scaled = cv2.resize(turned, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grain = np.random.default_rng(0).normal(0, noise, scaled.shape)
    return (scaled * light + grain).clip(0, 255).astype(np.uint8)


def scene(faces, size, *, seed):
    """A picture (width, height) with faces laid into it, of many sizes, turned and more or less in light."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 220, (9, 12, 3), np.uint8)
    picture = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    columns = int(np.ceil(np.sqrt(len(faces) * size[0] / size[1])))
    cell = min(size[0] / columns, size[1] / -(-len(faces) // columns))
    for number, face in enumerate(faces):
        middle = (np.array([number % columns, number // columns]) + 0.5) * cell
        matrix = cv2.getRotationMatrix2D(
            (face.shape[1] / 2, face.shape[0] / 2), rng.uniform(-25, 25), rng.uniform(0.4, 0.9) * cell / len(face)
        )
        matrix[:, 2] += middle - np.array(face.shape[1::-1]) / 2
        laid = cv2.warpAffine(face, matrix, size) * rng.uniform(0.5, 1.1)
        mask = cv2.warpAffine(np.ones(face.shape[:2], np.float32), matrix, size)[..., None]
        picture = (picture * (1 - mask) + laid.clip(0, 255) * mask).astype(np.uint8)
    return picture


def colour(grey):
    return np.stack([grey] * 3, -1)


def astronaut_pictures():
    photo = sample_photo()
    yield from (change(photo, scale=scale) for scale in (0.1, 0.25, 0.37, 0.6, 0.93, 1.2, 1.7, 2.5, 4))
    yield from (change(photo, roll=roll) for roll in (10, -20, 45, -60, 90, 135, 180, -110))
    yield from (change(photo, light=light) for light in (0.3, 0.15, 0.08))
    yield from (
        change(photo, noise=40),
        change(photo, blur=5),
        photo[20:220, 150:301],
        photo[:, 190:],
        colour(photo[..., 1]),
    )
    yield from (photo[60:180, 170:280], np.hstack([photo, photo[:, ::-1]]))
    yield from (photo[75:200, 150:300], photo[20:220, 200:330])  # the face over the edge
    yield np.hstack([photo[:, :254], photo[:, 194:]])  # two faces that cover two fifths of one another


def hopper_pictures():
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        photo = read_photo(file.read())
    yield from (change(photo, scale=scale) for scale in (0.2, 0.5, 1, 1.5))
    yield from (change(photo, roll=30), change(photo, light=0.2), photo[:, ::-1], photo[30:400, 101:420])


def group_pictures():
    heads = [sample_photo()[20:230, 130:320], sample_photo()[20:230, 130:320][:, ::-1]]
    sizes = [(640, 480), (800, 601), (1280, 720), (1001, 1500), (320, 240), (1600, 900), (640, 480), (2000, 1200)]
    yield from (scene(heads * (n + 1), size, seed=n) for n, size in enumerate(sizes))


def drawn_pictures():
    faces = [colour(draw_face(emotion, size=192, seed=i)) for i, emotion in enumerate(EMOTIONS)]
    yield from (scene(faces[:n], (640, 480), seed=n) for n in range(1, 8))
    yield from (faces[0], faces[3], change(faces[5], scale=0.5))


def empty_pictures():
    rng = np.random.default_rng(0)
    yield from (np.zeros((1, 1, 3), np.uint8), np.full((300, 7, 3), 255, np.uint8), np.zeros((120, 900, 3), np.uint8))
    yield rng.integers(0, 256, (400, 500, 3), np.uint8)
    yield cv2.GaussianBlur(rng.integers(0, 256, (333, 501, 3), np.uint8), (0, 0), 6)


def fer2013_pictures():
    faces = load_faces()
    if faces.source == "embedded":
        pytest.skip("FER2013 is not on this machine")
    rows = np.flatnonzero(faces.split == "PublicTest")[::300]
    crops = [colour(face) for face in faces.images[rows]]
    yield from (scene(crops[n : n + 1 + n % 4], (640, 480), seed=n) for n in range(8))


@pytest.mark.parametrize(
    "pictures", [astronaut_pictures, hopper_pictures, group_pictures, drawn_pictures, empty_pictures, fer2013_pictures]
)
def test_it_answers_as_python_does(page, predictor, pictures):
    for number, photo in enumerate(pictures()):
        expected = [_describe(face) for face in predictor(photo)]
        answer = page.evaluate(ASK, [{"kind": "photo"}, to_text(photo)])
        assert answer["width"] == photo.shape[1] and answer["reading"] == predictor.reading
        assert len(answer["faces"]) == len(expected), number
        for seen, face in zip(answer["faces"], expected, strict=True):
            assert np.abs(np.subtract(seen["box"], face["box"])).max() <= 1, number
            assert seen["score"] == pytest.approx(face["score"], abs=0.005), number
            assert np.allclose(seen["probabilities"], face["probabilities"], atol=0.005), number
            assert [seen[key] for key in ("emotion", "predicted", "coarse")] == [
                face[key] for key in ("emotion", "predicted", "coarse")
            ], number


def walk(frames, *, seed):
    """Seconds and faces of a film's frames: people who wander, meet, blur, leave and come back."""
    rng = np.random.default_rng(seed)
    sharp = rng.integers(0, 256, (48, 48), np.uint8)
    crops = [sharp, *(cv2.GaussianBlur(sharp, (0, 0), sigma) for sigma in np.linspace(0.5, 5, 30))]
    places, moods = rng.uniform(0, 400, (6, 2)), rng.normal(0, 1, (6, len(EMOTIONS)))
    seconds = 0.0
    for _ in range(frames):
        seconds += rng.choice([0.03, 0.1, 0.3, 1.2], p=[0.6, 0.3, 0.08, 0.02])
        places = (places + rng.normal(0, 12, places.shape)).clip(0, 400)
        moods = 0.9 * moods + rng.normal(0, 0.6, moods.shape)
        faces = []
        for i in rng.permutation(6)[: rng.integers(0, 7)]:
            probabilities = (np.exp(2 * moods[i]) / np.exp(2 * moods[i]).sum()).astype(np.float32)
            box = (*map(int, places[i]), 90 + 5 * int(i), 90 + 5 * int(i))
            crop = crops[0 if rng.random() < 0.8 else rng.integers(len(crops))]
            faces.append(FacePrediction(box=box, score=0.9, crop=crop, probabilities=probabilities))
        yield seconds, faces


TRACK = """async (film) => {
    const { openTracker } = await import("./reader/track.js");
    const { describe } = await import("./reader/predict.js");
    const tracker = openTracker();
    return film.map(([seconds, faces], i) => {
        if (i === 150) tracker.cut();
        const found = faces.map(([box, crop, probabilities]) =>
            ({ box, score: 0.9, probabilities, crop: Uint8Array.from(atob(crop), (byte) => byte.charCodeAt()) }));
        return tracker.update(found, seconds).map((face) => [face.person, describe(face)]);
    });
}"""


def test_it_follows_persons_as_python_does(page):
    tracker, film, expected = Tracker(), [], []
    for number, (seconds, faces) in enumerate(walk(200, seed=0)):
        if number == 150:
            tracker.cut()
        sent = [(face.box, base64.b64encode(face.crop).decode(), face.probabilities.tolist()) for face in faces]
        film.append((seconds, sent))
        expected.append([(person, _describe(face)) for person, face in tracker.update(faces, seconds)])
    assert max(person for frame in expected for person, _ in frame) > 6
    assert sum(map(len, expected)) < sum(len(faces) for _, faces in film)  # some were out of focus
    for told, frame in zip(page.evaluate(TRACK, film), expected, strict=True):
        assert [person for person, _ in told] == [person for person, _ in frame]
        for (_, face), (_, other) in zip(told, frame, strict=True):
            assert np.allclose(face.pop("probabilities"), other.pop("probabilities"), atol=1e-5)
            assert face == other | {"box": list(other["box"])}


def test_it_follows_a_film_as_python_does(page, predictor):
    """Two scenes with a face at the same place, the second panned; then the film is wound back."""
    photo = change(sample_photo(), scale=0.6)
    other = np.ascontiguousarray(255 - photo[::-1])
    other[:120, 60:220] = photo[:120, 60:220]
    frames = [*[photo] * 3, *(np.roll(other, 4 * i, axis=1) for i in range(4)), photo]
    film = [(i / 10, frame) for i, frame in enumerate(frames)]
    source = SimpleNamespace(live=False, read=lambda rate: (frame for frame in film))
    expected = [[number for number, _ in persons] for *_, persons in _follow(source, predictor, 10)]
    assert expected == [[1]] * 3 + [[2]] * 4 + [[3]]
    for _ in range(2):
        for (seconds, frame), numbers in zip(film, expected, strict=True):
            answer = page.evaluate(ASK, [{"kind": "frame", "seconds": seconds}, to_text(frame)])
            assert [face["person"] for face in answer["faces"]] == numbers


def test_it_tells_how_an_answer_came_about(page, predictor):
    changes = {"blur": 1, "too dark": 0.5, "rotation": 15, "occlusion": 14}
    question = {"kind": "steps", "network": predictor.name, "logit_adjustment": 1, "face": 0, "changes": changes}
    page.evaluate(ASK, [{"kind": "sample"}])
    answer = page.evaluate(ASK, [question])
    (face,) = predictor(sample_photo())
    corrupted = apply_corruptions(face.crop, changes)
    expected = load_predictor(logit_adjustment=1).predict_images(corrupted[None])[0]
    assert np.allclose(answer["face"]["probabilities"], expected, atol=0.03)  # OpenCV blurs in whole numbers


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_file_that_is_no_picture_gets_a_sentence(page, content):
    with pytest.raises(Exception, match="This file is not a picture"):
        page.evaluate(ASK, [{"kind": "photo"}, base64.b64encode(content).decode()])


def test_a_large_file_may_come_in_parts(page):
    text = to_text(sample_photo())
    content = base64.b64decode(text)
    parts = [base64.b64encode(part).decode() for part in (content[:100_000], content[100_000:])]
    page.evaluate(ASK, [{"kind": "part", "start": 0}, parts[0]])
    answer = page.evaluate(ASK, [{"kind": "photo", "start": 100_000}, parts[1]])
    assert answer == page.evaluate(ASK, [{"kind": "photo"}, text])


def test_memory_stays_as_it_was(page):
    page.evaluate(
        "photo => (window.photo = photo)", f"data:image/png;base64,{to_text(change(sample_photo(), scale=0.4))}"
    )
    picture, sizes = page.evaluate("photo"), []
    devtools = page.context.new_cdp_session(page)
    for frames in (600, 200, 200):  # in the first hundreds the browser still compiles what runs often
        heap = page.evaluate(FRAMES, [frames, picture])
        devtools.send("HeapProfiler.collectGarbage")
        sizes.append((heap, devtools.send("Runtime.getHeapUsage")["usedSize"]))
    assert sizes[0][0] == sizes[2][0]  # a view that was not freed would take 0.4 MB a frame
    assert sizes[2][1] < sizes[0][1] + 100_000
