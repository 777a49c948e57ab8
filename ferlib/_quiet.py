"""Silence for what native libraries write to stderr past Python."""

import contextlib
import os
import threading

_alone = threading.Lock()  # two threads that hide stderr at once would lose it for good


@contextlib.contextmanager
def quiet_stderr():
    """Hide the process's stderr for a moment; errors still arrive as exceptions."""
    with _alone, open(os.devnull, "wb") as nowhere:
        saved = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
