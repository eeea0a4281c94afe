"""The temporary folder of one run: the image that the worker reads, and the result that it writes."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "mobseg-run-"

#: Older folders were left by a viewer that was killed; no run takes that long.
_STALE_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class RunFolder:
    """Names in it are neutral, so that no message or log can hold a patient's.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def input(self) -> Path:
        """Where the viewer writes the image before the run."""
        return self.path / "input.nrrd"

    @property
    def result(self) -> Path:
        """The prediction folder; it exists once the run has succeeded."""
        return self.path / "result"

    @classmethod
    def create(cls, root: Path) -> RunFolder:
        """Make a new folder in ``root``, such as the viewer's own temporary folder.

        Raises:
            OSError: ``root`` cannot be written.
        """
        root.mkdir(parents=True, exist_ok=True)
        return cls(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root)))

    def remove_input(self) -> None:
        """Delete the copy of the image; the result stays."""
        self.input.unlink(missing_ok=True)

    def remove(self) -> bool:
        """Delete the folder with all that is in it, and say whether it is gone.

        Windows does not delete files that a process has open; try again when the process has ended.
        """
        shutil.rmtree(self.path, ignore_errors=True)
        return not self.path.exists()


def remove_stale_run_folders(root: Path) -> None:
    """Delete what earlier viewers left behind when they were killed."""
    limit = time.time() - _STALE_SECONDS
    for path in root.glob(f"{_PREFIX}*"):
        # Another viewer may be deleting it at the same time.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < limit:
                RunFolder(path).remove()
