"""Write files and folders so that nobody ever sees half of one."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".unfinished-"


@contextmanager
def whole_or_nothing(target, *, replace=False):
    """A path to write a file or folder to: renamed to `target` at the end, removed after an error.

    Parameters
    ----------
    target : Path
        Its folder is made if it is not there.
    replace : bool
        Let it take the place of a folder that is there; a file is always replaced.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=UNFINISHED) as folder:
        unfinished = Path(folder, target.name)
        yield unfinished
        if replace and target.is_dir():
            shutil.rmtree(target)
        os.replace(unfinished, target)
