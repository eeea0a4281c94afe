"""A viewer's side of the worker's protocol, for tests."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from mobseg.protocol import LineSplitter, Message, ProgressUpdate, Request, parse_message, to_line

ROOT = Path(__file__).parents[2]


class WorkerClient:
    """Starts ``python -m module`` and talks to it. Every wait fails after ``timeout`` seconds."""

    def __init__(self, module: str, *arguments: str, timeout: float = 60.0) -> None:
        self.timeout = timeout
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.stderr = bytearray()
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._read_messages, self._read_stderr)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def send(self, request: Request) -> None:
        self.send_bytes(to_line(request))

    def send_bytes(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self.process.stdin.write(rest) :]

    def receive(self) -> Message:
        """The next message; an :class:`EOFError` when the worker closed its output."""
        message = self._messages.get(timeout=self.timeout)
        if message is None:
            raise EOFError
        return message

    def ask(self, request: Request) -> Message:
        """Send a request and return its answer; other messages are dropped."""
        self.send(request)
        return self.answer(request.id)

    def answer(self, identifier: str) -> Message:
        while True:
            message = self.receive()
            is_answer = not isinstance(message, ProgressUpdate)
            if is_answer and getattr(message, "id", None) == identifier:
                return message

    def wait_for(self, kind: type[Message] | Sequence[type[Message]]) -> Message:
        """The next message of this kind; others are dropped."""
        while not isinstance(message := self.receive(), kind):
            pass
        return message

    def wait_for_end(self) -> int:
        """The exit code, once the process is gone, and all of its standard error."""
        code = self.process.wait(self.timeout)
        self._threads[1].join(self.timeout)
        return code

    def _read_messages(self) -> None:
        splitter = LineSplitter()
        while chunk := self.process.stdout.read(1 << 16):
            for line in splitter.feed(chunk):
                self._messages.put(parse_message(line))
        self._messages.put(None)

    def _read_stderr(self) -> None:
        while chunk := self.process.stderr.read(1 << 16):
            self.stderr += chunk


def wait_until(condition, timeout: float = 30.0) -> None:
    """Poll until ``condition()`` holds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
