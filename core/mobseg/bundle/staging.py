"""Writes files and folders so that they appear complete or not at all."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mobseg.errors import OutputError


@contextlib.contextmanager
def staged(destination: Path) -> Iterator[Path]:
    """A new path beside ``destination`` to fill with a file or folder, moved there when all went well.

    Raises:
        OutputError: the destination exists or cannot be written; nothing is left behind.
    """
    if destination.exists():
        raise OutputError(f"{destination} exists already; choose another name or remove it first.")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        workspace = Path(tempfile.mkdtemp(prefix=".mobseg-", dir=destination.parent))
    except OSError as error:
        raise _not_writable(destination, error) from error
    try:
        yield workspace / destination.name
        (workspace / destination.name).rename(destination)
    except OSError as error:
        raise _not_writable(destination, error) from error
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _not_writable(destination: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{destination} cannot be written ({error}); free disk space or choose another place."
    )
