"""The worker as a process: what the run side needs of one, and Qt's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from MoBSegmentationLib.worker_command import WorkerCommand


class ProcessEvents(Protocol):
    """Told what a process does, on the viewer's thread; the first event may come before it is started."""

    def on_stdout(self, data: bytes) -> None:
        """It wrote to its standard output."""

    def on_stderr(self, data: bytes) -> None:
        """It wrote to its standard error."""

    def on_exit(self, exit_code: int | None) -> None:
        """It ended; ``None`` when it crashed or was killed. The last event."""

    def on_not_started(self, reason: str) -> None:
        """It could not be started at all. The last event."""


class WorkerProcess(Protocol):
    """A process that was started. None of the methods waits, but :meth:`wait`."""

    def write(self, data: bytes) -> None:
        """Write to its standard input; does nothing when it has ended."""

    def close_input(self) -> None:
        """Close its standard input, upon which a worker ends."""

    def kill(self) -> None:
        """End it at once; does nothing when it has ended."""

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, and say whether it has."""


#: Starts a process that tells its events.
ProcessFactory = Callable[[ProcessEvents], WorkerProcess]


class QtWorkerProcess:
    """A ``QProcess``.

    Args:
        command: what to start.
        events: told what it does.
    """

    #: Qt waits for a process whose object is deleted; these are kept until they have ended.
    _running: ClassVar[set[QtWorkerProcess]] = set()

    def __init__(self, command: WorkerCommand, events: ProcessEvents) -> None:
        import qt  # noqa: PLC0415  only there in the viewer

        self._events = events
        self._process: Any = qt.QProcess()
        environment = qt.QProcessEnvironment()
        for name, value in command.environment.items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.setWorkingDirectory(command.folder)
        self._process.connect("readyReadStandardOutput()", self._read_stdout)
        self._process.connect("readyReadStandardError()", self._read_stderr)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._error_occurred)
        self._running.add(self)
        self._process.start(command.program, list(command.arguments))

    def write(self, data: bytes) -> None:
        """Write to its standard input; does nothing when it has ended."""
        if self._is_alive():
            self._process.write(data)

    def close_input(self) -> None:
        """Close its standard input, upon which a worker ends."""
        self._process.closeWriteChannel()

    def kill(self) -> None:
        """End it at once; does nothing when it has ended."""
        self._process.kill()

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, and say whether it has."""
        if self._is_alive():
            self._process.waitForFinished(round(1000 * seconds))
        return not self._is_alive()

    def _is_alive(self) -> bool:
        import qt  # noqa: PLC0415

        return bool(self._process.state() != qt.QProcess.NotRunning)

    def _read_stdout(self) -> None:
        self._events.on_stdout(_bytes(self._process.readAllStandardOutput()))

    def _read_stderr(self) -> None:
        self._events.on_stderr(_bytes(self._process.readAllStandardError()))

    def _finished(self, *_: Any) -> None:
        import qt  # noqa: PLC0415

        # What was written just before the end is still to be read.
        self._read_stdout()
        self._read_stderr()
        self._running.discard(self)
        has_crashed = self._process.exitStatus() != qt.QProcess.NormalExit
        self._events.on_exit(None if has_crashed else self._process.exitCode())

    def _error_occurred(self, error: Any) -> None:
        import qt  # noqa: PLC0415

        # After every other error the end of the process is told as well.
        if error == qt.QProcess.FailedToStart:
            self._running.discard(self)
            self._events.on_not_started(self._process.errorString())


def qt_process_factory(command: Callable[[], WorkerCommand]) -> ProcessFactory:
    """Starts workers as ``QProcess``.

    Args:
        command: makes the command, for each process anew.
    """
    return lambda events: QtWorkerProcess(command(), events)


def _bytes(data: Any) -> bytes:
    """The content of a ``QByteArray``."""
    return bytes(data.data())
