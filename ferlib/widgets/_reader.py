"""The browser's reader for a notebook: the kernel hands over its program and networks, the browser reads the faces."""

from ferlib.config import BUILD_DIR
from ferlib.widgets._view import View, read_static

READER_DIR = BUILD_DIR / "page" / "reader"


class Reader(View):
    """The files of the reader that `make page` built, for the views of one demo.

    Raises
    ------
    FileNotFoundError
        If it was not built.
    """

    _esm = read_static("common.js", "browser.js")

    def __init__(self):
        if not READER_DIR.is_dir():
            raise FileNotFoundError("the browser's reader is not built yet: run `make page`, which needs Node.js")
        paths = sorted(path for path in READER_DIR.rglob("*") if path.is_file())
        self._files = {path.relative_to(READER_DIR).as_posix(): path for path in paths}
        super().__init__()

    @property
    def networks(self):
        """Names of the runs whose networks it has, list of str."""
        return [name[:-7] for name in self._files if name.endswith(".tflite") and name != "blazeface.tflite"]

    def _shows(self):
        return ", ".join(map(repr, self.networks))

    def _reply(self, message, buffers):
        """To "names", those of all files; to "file", the content of the one with that name."""
        if message["kind"] == "names":
            return {"kind": "names", "names": list(self._files)}, []
        return {"kind": "file"}, [self._files[message["name"]].read_bytes()]
