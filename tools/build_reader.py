"""Put the browser's reader together, a folder of static files: python -m tools.build_reader [folder]

It needs `npm ci` in app/ before.
"""

import gzip
import shutil
import sys
from pathlib import Path

from ferlib.config import BUILD_DIR, DEMO_RUN, PROJECT_DIR
from ferlib.inference import write_browser_files

PACKAGES = PROJECT_DIR / "app" / "node_modules" / "@litertjs"
MODULES = PROJECT_DIR / "ferlib" / "widgets" / "static" / "reader"


def build_reader(folder, runs=(DEMO_RUN,)):
    """Write the reader's modules, LiteRT.js, and the networks of some runs into a folder, which is made anew.

    Raises
    ------
    FileNotFoundError
        If LiteRT.js is not installed.
    """
    if not PACKAGES.is_dir():
        raise FileNotFoundError(f"{PACKAGES} is not there: run `npm ci` in {PACKAGES.parents[1]}")
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(MODULES, folder)
    write_browser_files(folder, runs)
    litert = folder / "litert"
    litert.mkdir()
    entry = (PACKAGES / "core" / "dist" / "index.js").read_text(encoding="utf-8")
    # a worker has no import map to find a package by its name
    (litert / "index.js").write_text(entry.replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"'), encoding="utf-8")
    shutil.copyfile(PACKAGES / "wasm-utils" / "dist" / "index.js", litert / "wasm-utils.js")
    for name in ("litert_wasm_internal", "litert_wasm_compat_internal"):  # the second where there is no relaxed SIMD
        shutil.copyfile(PACKAGES / "core" / "wasm" / f"{name}.js", litert / f"{name}.js")
        program = (PACKAGES / "core" / "wasm" / f"{name}.wasm").read_bytes()
        (litert / f"{name}.wasm.packed").write_bytes(gzip.compress(program, mtime=0))


if __name__ == "__main__":
    build_reader(*(sys.argv[1:] or [BUILD_DIR / "reader"]))
