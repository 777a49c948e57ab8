"""Silence for what native libraries write to stderr past Python."""

import contextlib
import os


@contextlib.contextmanager
def quiet_stderr():
    """Hide the process's stderr for a moment; errors still arrive as exceptions. For one thread at a time."""
    saved = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
