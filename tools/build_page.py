"""Build the page for visitors, `build/page/`: static files for any host. `make page` runs it after `npm ci` in app/."""

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import cv2
import jinja2
import numpy as np
from matplotlib.cbook import get_sample_data

from ferlib.config import BUILD_DIR, DEMO_RUN, EMOTION_COLORS, EMOTIONS, PROJECT_DIR
from ferlib.evaluation import list_networks
from ferlib.inference import READINGS, read_photo
from ferlib.widgets._demo import PROMISES, SLIDERS
from ferlib.widgets._view import encode_picture, read_static
from tools.build_reader import build_reader
from tools.build_report import LINKS, write_report
from tools.portrait import draw_face

PAGE_DIR = BUILD_DIR / "page"
SOURCE_DIR = PROJECT_DIR / "app" / "page"
STATIC_DIR = PROJECT_DIR / "ferlib" / "widgets" / "static"
INFERENCE_DIR = PROJECT_DIR / "ferlib" / "inference"

VARIANTS = "reader/litert/litert_wasm_"
"""LiteRT's two programs; a browser takes one."""

TITLES = {"upload": "Photo", "camera": "Camera", "film": "Film", "steps": "How it works"}
NETWORKS = (DEMO_RUN, "compact")
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self'; img-src 'self' blob: data:; media-src blob:; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)
"""Content security policy: the browser lets the page ask nothing of other hosts."""

MOST_BYTES = 7_000_000
"""Of what is downloaded before the first answer, gzipped."""


def draw_group():
    """Ten drawn people in two rows, each with an expression, on a wall, (790, 1600, 3) uint8."""
    wall = np.full((790, 1600), 214, np.uint8)
    for number in range(10):
        top, left = 40 + 410 * (number // 5), 40 + 312 * (number % 5) + 20 * (number // 5 - number % 2)
        wall[top : top + 300, left : left + 272] = draw_face(EMOTIONS[3 * number % 7], size=300, seed=number)[:, 14:286]
    return np.stack([wall] * 3, -1)


def write_examples(folder):
    """Write the example pictures, small and whole; what the page tells of each, the first one first."""
    hopper = Path(get_sample_data("grace_hopper.jpg", asfileobj=False)).read_bytes()
    drawn = [
        (f"drawn {emotion}", f"Drawn by a program to look {emotion}", draw_face(emotion, size=640, seed=seed))
        for emotion, seed in (("happy", 4), ("surprise", 18), ("angry", 22))
    ]
    pictures = [
        (
            "astronaut",
            "Eileen Collins, astronaut (NASA, public domain)",
            (INFERENCE_DIR / "astronaut.jpg").read_bytes(),
        ),
        ("admiral", "Grace Hopper, computer scientist and admiral (US Navy, public domain)", hopper),
        *((name, caption, encode_picture(np.stack([face] * 3, -1), ".jpg")) for name, caption, face in drawn),
        ("ten faces", "Ten people, drawn by a program", encode_picture(draw_group(), ".jpg")),
    ]
    folder.mkdir()
    told = []
    for name, caption, data in pictures:
        stem = name.replace(" ", "-")
        photo = read_photo(data)
        side = min(photo.shape[:2])
        top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
        thumb = cv2.resize(photo[top : top + side, left : left + side], (128, 128), interpolation=cv2.INTER_AREA)
        (folder / f"{stem}.jpg").write_bytes(data)
        (folder / f"{stem}-thumb.jpg").write_bytes(encode_picture(thumb, ".jpg"))
        src, small = f"examples/{stem}.jpg", f"examples/{stem}-thumb.jpg"
        height, width = photo.shape[:2]
        told.append({"name": name, "caption": caption, "src": src, "thumb": small, "width": width, "height": height})
    return told


def draw_icon(side):
    """A face in the frame that the demo draws, (side, side, 3) uint8 RGB."""
    icon = np.full((512, 512, 3), (47, 95, 208), np.uint8)
    white, thick = (255, 255, 255), 26
    for x, y in ((120, 120), (392, 120), (120, 392), (392, 392)):
        cv2.line(icon, (x, y), (x + (70 if x < 256 else -70), y), white, thick, cv2.LINE_AA)
        cv2.line(icon, (x, y), (x, y + (70 if y < 256 else -70)), white, thick, cv2.LINE_AA)
    for x in (208, 304):
        cv2.circle(icon, (x, 222), 22, white, -1, cv2.LINE_AA)
    cv2.ellipse(icon, (256, 262), (78, 70), 0, 25, 155, white, thick, cv2.LINE_AA)
    return cv2.resize(icon, (side, side), interpolation=cv2.INTER_AREA)


def write_manifest(folder):
    """Write what lets the page be installed as an app: its manifest and icons."""
    sizes = (192, 512)
    for side in sizes:
        (folder / f"icon-{side}.png").write_bytes(encode_picture(draw_icon(side)))
    icons = [
        {"src": f"icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
        for side in sizes
        for purpose in ("any", "maskable")
    ]
    manifest = {"name": "Read a face", "short_name": "Read a face", "start_url": "./", "display": "standalone"}
    colors = {"background_color": "#ffffff", "theme_color": "#ffffff"}
    (folder / "manifest.webmanifest").write_text(json.dumps(manifest | colors | {"icons": icons}, indent=1))


def write_demo(folder):
    """Write the page itself."""
    networks = [network for network in list_networks() if network["name"] in NETWORKS]
    (default,) = (network for network in networks if network["name"] == DEMO_RUN)
    facts = {
        "emotions": EMOTIONS,
        "colors": EMOTION_COLORS,
        "examples": write_examples(folder / "examples"),
        "promise": PROMISES["browser"],
        "sliders": SLIDERS,
        "networks": networks,
        "network": DEMO_RUN,
        "readings": READINGS,
    }
    (folder / "facts.js").write_text(f"export default {json.dumps(facts)};\n", encoding="utf-8")
    for view in TITLES:
        (folder / f"{view}.js").write_text(read_static("common.js", f"{view}.js"), encoding="utf-8")
    shutil.copy(STATIC_DIR / "demo.css", folder)
    for name in ("page.css", "page.js"):
        shutil.copy(SOURCE_DIR / name, folder)
    template = jinja2.Environment(loader=jinja2.FileSystemLoader(SOURCE_DIR), autoescape=True, trim_blocks=True)
    link = '<a href="report/notebooks/01_explore.html">FER2013</a>'
    told = {
        "reading": READINGS[default["labels"]],
        "link": link,
        "accuracy": f"{default['accuracy']:.0%}",
        "n": f"{default['n']:,}",
    }
    index = template.get_template("index.html").render(
        title="Read a face",
        policy=POLICY,
        root="",
        here="./",
        links=LINKS,
        titles=TITLES.values(),
        views=TITLES,
        **told,
    )
    (folder / "index.html").write_text(index, encoding="utf-8")


def write_worker(folder):
    """Write the service worker; its version is that of everything that was built, the report included."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "sw.js")
    names = [path.relative_to(folder).as_posix() for path in files]
    version = hashlib.sha256()
    for name, path in zip(names, files, strict=True):
        version.update(name.encode() + path.read_bytes())
    kept = ["./", *(name for name in names if not name.startswith(("report/", VARIANTS)))]
    build = {"version": version.hexdigest()[:12], "files": kept}
    source = (SOURCE_DIR / "sw.js").read_text(encoding="utf-8")
    (folder / "sw.js").write_text(f"const BUILD = {json.dumps(build)};\n{source}", encoding="utf-8")


def measure_first_answer(folder):
    """Bytes that a browser downloads before its first answer: as they are, and gzipped."""
    others = tuple(f"reader/{name}." for name in NETWORKS[1:])
    later = (*others, "sw.js", "report", "reader/sample", f"{VARIANTS}compat", "icon-512", "manifest")
    first = [path for path in folder.rglob("*") if path.is_file()]
    first = [path for path in first if not path.relative_to(folder).as_posix().startswith(later)]
    first = [path for path in first if path.parent.name != "examples" or path.stem.endswith(("thumb", "astronaut"))]
    return sum(path.stat().st_size for path in first), sum(len(gzip.compress(path.read_bytes())) for path in first)


def build_page(folder=PAGE_DIR):
    """Write the page into a folder, which is made anew.

    Raises
    ------
    FileNotFoundError
        If LiteRT.js is not installed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    build_reader(folder / "reader", NETWORKS)
    write_demo(folder)
    write_manifest(folder)
    write_report(folder)
    write_worker(folder)


def main():
    """Build the page, and say what a visitor downloads."""
    build_page()
    raw, gzipped = measure_first_answer(PAGE_DIR)
    sizes = f"{gzipped / 1e6:.2f} MB before the first answer, {raw / 1e6:.2f} MB from a host that does not compress"
    print(f"{PAGE_DIR.relative_to(PROJECT_DIR)}: {sizes}")
    if gzipped > MOST_BYTES:
        raise SystemExit(f"more than {MOST_BYTES / 1e6:.0f} MB: visitors would wait")


if __name__ == "__main__":
    main()
