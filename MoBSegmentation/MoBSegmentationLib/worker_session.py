"""One worker process and the conversation with it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from MoBSegmentationLib.details_log import DetailsLog
from MoBSegmentationLib.scheduler import Scheduler
from MoBSegmentationLib.worker_process import ProcessFactory, WorkerProcess

if TYPE_CHECKING:
    from mobseg.protocol import Hello, Message, Request

#: A worker answers "status" at once, also during a run; one that is silent for so long hangs.
_CHECK_SECONDS = 15.0
_MISSED_CHECKS = 8
#: Loading PyTorch can hold up everything, above all the first time and with a virus scanner.
_MISSED_CHECKS_AT_START = 40

#: How long the viewer may be held up when it closes.
_PATIENCE_SECONDS = 1.0


class SessionOwner(Protocol):
    """Told how a session goes."""

    def on_message(self, session: WorkerSession, message: Message) -> None:
        """The worker sent something other than its greeting or an answer to a check."""

    def on_lost(self, session: WorkerSession, sentence: str) -> None:
        """The worker is gone or useless; a sentence says why. Nothing else follows but ``on_gone``."""

    def on_gone(self) -> None:
        """The process has ended."""


class WorkerSession:
    """Starts a worker, checks that it is alive and of the same version, and hands its messages on.

    Args:
        owner: told how it goes.
        scheduler: for the checks.
    """

    def __init__(self, owner: SessionOwner, scheduler: Scheduler) -> None:
        from mobseg.protocol import LineSplitter  # noqa: PLC0415

        self.log = DetailsLog()
        self._owner = owner
        self._scheduler = scheduler
        self._splitter = LineSplitter()
        self._process: WorkerProcess | None = None
        self._pid: int | None = None
        self._is_ready = False
        self._is_over = False
        self._missed = 0
        self._stop_checks: Callable[[], None] = lambda: None

    @property
    def is_ready(self) -> bool:
        """Whether the worker has loaded PyTorch."""
        return self._is_ready

    def open(self, start_process: ProcessFactory) -> None:
        """Start the process."""
        try:
            self._process = start_process(self)
        except OSError as error:
            self.on_not_started(str(error))
        else:
            self._check_later()

    def send(self, request: Request) -> None:
        """Send a request."""
        from mobseg.protocol import to_line  # noqa: PLC0415

        if self._process is not None and not self._is_over:
            self._process.write(to_line(request))

    def kill(self) -> None:
        """End the process at once; its owner hears ``on_gone`` and nothing else."""
        self._end()
        if self._process is None:
            return
        if self._pid is not None:
            # The process that was started may be a launcher, whose end does not end the worker.
            with contextlib.suppress(OSError):
                os.kill(self._pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.kill()

    def kill_and_wait(self) -> None:
        """End the process and wait a moment until it is gone, for when the viewer is about to end."""
        self.kill()
        if self._process is not None:
            self._process.wait(_PATIENCE_SECONDS)

    def close(self) -> None:
        """Ask the worker to end, and end it if it does not within a second."""
        from mobseg.protocol import ShutdownRequest  # noqa: PLC0415

        self.send(ShutdownRequest("shutdown"))
        self._end()
        if self._process is not None:
            self._process.close_input()
            if not self._process.wait(_PATIENCE_SECONDS):
                self.kill_and_wait()

    def on_stdout(self, data: bytes) -> None:
        """Read what the worker sent."""
        self._missed = 0
        for line in self._splitter.feed(data):
            if not self._is_over:
                self._take(line)

    def on_stderr(self, data: bytes) -> None:
        """Keep the log."""
        self.log.add(data)

    def on_exit(self, exit_code: int | None) -> None:
        """The process has ended."""
        self._pid = None
        if not self._is_over:
            self.log.add(f"\nThe process ended with exit code {exit_code}.".encode())
            self._lose(
                "The segmentation process stopped unexpectedly; if memory is short, close other "
                "programs or choose a region of interest, and try again."
                if self._is_ready
                else "The segmentation process ended while it was starting; see the details, and check "
                "the installation."
            )
        self._owner.on_gone()

    def on_not_started(self, reason: str) -> None:
        """There is no process."""
        self.log.add(reason.encode())
        if not self._is_over:
            self._lose("The segmentation process could not be started; reinstall the extension.")
        self._owner.on_gone()

    def _take(self, line: bytes) -> None:
        from mobseg.protocol import (  # noqa: PLC0415
            Hello,
            ProtocolError,
            Ready,
            WorkerStatus,
            parse_message,
        )

        try:
            message = parse_message(line)
        except ProtocolError as error:
            self._take_garbage(line, error)
            return
        match message:
            case Hello():
                self._greet(message)
            case WorkerStatus():
                pass  # that it came is all that matters
            case _:
                self._is_ready = self._is_ready or isinstance(message, Ready)
                self._owner.on_message(self, message)

    def _take_garbage(self, line: bytes, error: Exception) -> None:
        if self._pid is None:
            # Start-up code of the installation may print; the worker's own output begins with "hello".
            self.log.add(line[:1000] + b"\n")
            return
        self.log.add(f"\n{error}".encode())
        self._break_off(
            "The segmentation process sent what cannot be understood and was stopped; try again, and "
            "reinstall the extension if it happens again."
        )

    def _greet(self, hello: Hello) -> None:
        from mobseg.protocol import PROTOCOL_VERSION  # noqa: PLC0415

        self._pid = hello.pid
        if hello.protocol != PROTOCOL_VERSION:
            self._break_off(
                f"The segmentation process is of another version (protocol {hello.protocol} instead of "
                f"{PROTOCOL_VERSION}); reinstall the extension."
            )

    def _check_later(self) -> None:
        if not self._is_over:
            self._stop_checks = self._scheduler.call_later(_CHECK_SECONDS, self._check)

    def _check(self) -> None:
        """Count checks and not seconds, because a computer may sleep in between."""
        from mobseg.protocol import StatusRequest  # noqa: PLC0415

        if self._missed >= (_MISSED_CHECKS if self._is_ready else _MISSED_CHECKS_AT_START):
            self._break_off(
                "The segmentation process no longer answers and was stopped; try again."
            )
            return
        self._missed += 1
        self.send(StatusRequest(f"check-{self._missed}"))
        self._check_later()

    def _break_off(self, sentence: str) -> None:
        self.kill()
        self._owner.on_lost(self, sentence)

    def _lose(self, sentence: str) -> None:
        self._end()
        self._owner.on_lost(self, sentence)

    def _end(self) -> None:
        self._is_over = True
        self._stop_checks()
