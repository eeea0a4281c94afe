"""The worker as a process: what the run side needs of one, and Qt's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class ProcessEvents(Protocol):
    """Told what a process does, on the viewer's thread."""

    def on_stdout(self, data: bytes) -> None:
        """It wrote to its standard output."""

    def on_stderr(self, data: bytes) -> None:
        """It wrote to its standard error."""

    def on_exit(self, exit_code: int | None) -> None:
        """It ended; ``None`` when it crashed or was killed. The last event."""

    def on_not_started(self, reason: str) -> None:
        """It could not be started at all. The last event."""


class WorkerProcess(Protocol):
    """A running process. None of the methods waits, but :meth:`wait`."""

    def write(self, data: bytes) -> None:
        """Write to its standard input; does nothing when it has ended."""

    def close_input(self) -> None:
        """Close its standard input, upon which a worker ends."""

    def kill(self) -> None:
        """End it at once."""

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, and say whether it has."""


#: Starts a process that tells its events.
ProcessFactory = Callable[[ProcessEvents], WorkerProcess]
