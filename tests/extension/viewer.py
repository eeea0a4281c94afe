"""A viewer without Qt: an event loop for the run side, with real processes or scripted ones."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from MoBSegmentationLib.run_controller import RunController, RunRequest, RunState
from MoBSegmentationLib.run_folder import RunFolder
from MoBSegmentationLib.worker_command import WorkerCommand

from mobseg import protocol


class Recorder:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.states: list[RunState] = []
        self.devices = ()
        self.progress: list[tuple[str, float, float | None]] = []
        self.finished: list[tuple[RunFolder, object]] = []
        self.failed: list[tuple[str, str]] = []
        self.cancelled = 0
        self.when_failed: Callable[[], None] = lambda: None

    def on_state(self, state):
        self.states.append(state)

    def on_devices(self, devices):
        self.devices = devices

    def on_progress(self, stage, fraction, seconds_left):
        self.progress.append((stage, fraction, seconds_left))

    def on_finished(self, folder, summary):
        self.finished.append((folder, summary))

    def on_failed(self, sentence, details):
        self.failed.append((sentence, details))
        self.when_failed()

    def on_cancelled(self):
        self.cancelled += 1


class ManualScheduler:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self._now = 0.0
        self._waiting: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, seconds, function):
        entry = (self._now + seconds, function)
        self._waiting.append(entry)
        return lambda: entry in self._waiting and self._waiting.remove(entry)

    def pass_time(self, seconds: float) -> None:
        end = self._now + seconds
        while due := [entry for entry in self._waiting if entry[0] <= end]:
            entry = min(due, key=lambda entry: entry[0])
            self._waiting.remove(entry)
            self._now = entry[0]
            entry[1]()
        self._now = end

    @property
    def is_idle(self) -> bool:
        return not self._waiting


class ScriptedProcess:
    """A worker whose output the test writes."""

    def __init__(self, events) -> None:
        self.events = events
        self.requests: list[protocol.Request] = []
        self.is_killed = False
        self.has_ended = False
        self.ends_when_asked = True

    def write(self, data: bytes) -> None:
        assert not self.has_ended
        self.requests += [protocol.parse_request(line) for line in data.splitlines()]

    def close_input(self) -> None:
        if self.ends_when_asked:
            self.end(0)

    def kill(self) -> None:
        self.is_killed = True
        self.end(None)

    def wait(self, seconds: float) -> bool:
        return self.has_ended

    def say(self, *messages: protocol.Message) -> None:
        for message in messages:
            self.events.on_stdout(protocol.to_line(message))

    def end(self, exit_code: int | None) -> None:
        if not self.has_ended:
            self.has_ended = True
            self.events.on_exit(exit_code)

    def last(self, kind):
        return next(r for r in reversed(self.requests) if isinstance(r, kind))


class Loop:
    """Runs what threads and timers ask for, on the thread of the test."""

    def __init__(self) -> None:
        self._posted: queue.Queue[Callable[[], None]] = queue.Queue()
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def post(self, function: Callable[[], None]) -> None:
        self._posted.put(function)

    def call_later(self, seconds, function):
        entry = (time.monotonic() + seconds, function)
        self._timers.append(entry)
        return lambda: entry in self._timers and self._timers.remove(entry)

    def run_until(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "waited too long"
            for entry in [e for e in self._timers if e[0] <= time.monotonic()]:
                self._timers.remove(entry)
                entry[1]()
            try:
                self._posted.get(timeout=0.02)()
            except queue.Empty:
                continue


class PipeProcess:
    """A real process on pipes; two threads read and a third waits for the end."""

    def __init__(self, command: WorkerCommand, events, loop: Loop) -> None:
        self._loop = loop
        self.process = subprocess.Popen(
            [command.program, *command.arguments],
            env=command.environment,
            cwd=command.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in (
                (self.process.stdout, events.on_stdout),
                (self.process.stderr, events.on_stderr),
            )
        ]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._wait, args=(readers, events), daemon=True).start()

    def write(self, data: bytes) -> None:
        try:
            self.process.stdin.write(data)
        except OSError:
            return  # it has ended

    def close_input(self) -> None:
        self.process.stdin.close()

    def kill(self) -> None:
        self.process.kill()

    def wait(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _read(self, stream, tell) -> None:
        while chunk := stream.read(1 << 16):
            self._loop.post(lambda chunk=chunk: tell(chunk))
        stream.close()

    def _wait(self, readers, events) -> None:
        code = self.process.wait()
        for reader in readers:
            reader.join()
        self._loop.post(lambda: events.on_exit(None if code < 0 else code))


class Viewer:
    """A controller with what it needs, and the image of its next run.

    Args:
        start_process: starts a worker.
        scheduler: of the controller.
        root: where run folders are made.
    """

    def __init__(self, start_process, scheduler, root: Path) -> None:
        self.heard = Recorder()
        self.root = root
        self.controller = RunController(start_process, scheduler, self.heard)

    def new_request(self, image: bytes = b"image", **options) -> RunRequest:
        folder = RunFolder.create(self.root)
        folder.input.write_bytes(image)
        return RunRequest(folder, **options)

    @property
    def left(self) -> list[Path]:
        """Run folders that exist."""
        return sorted(self.root.iterdir())
