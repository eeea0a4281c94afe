"""The worker's two pipes to the viewer, out of reach of every other code in the process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

from mobseg.protocol import LineSplitter, Message, to_line

_CHUNK_BYTES = 1 << 16


class Channel:
    """Messages out and lines in, over two file descriptors. Any thread may send."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send one message; nothing happens when the viewer is gone."""
        rest = memoryview(to_line(message))
        with self._lock:
            try:
                while rest:
                    rest = rest[os.write(self._write_fd, rest) :]
            except OSError:
                # Its end of our input closes as well, which ends the worker.
                return

    def lines(self) -> Iterator[bytes]:
        """The lines that the viewer sends, until it closes the pipe or dies."""
        splitter = LineSplitter()
        # Not sys.stdin: a thread that waits in its buffer would block the interpreter's exit.
        while chunk := os.read(self._read_fd, _CHUNK_BYTES):
            yield from splitter.feed(chunk)


def claim_standard_streams() -> Channel:
    """Take over standard input and output for the protocol.

    File descriptor 1 then leads to standard error, so that a print, of a C library as well, cannot break
    the protocol, and file descriptor 0 is empty, so that nothing can eat a request.
    """
    sys.stdout.flush()
    # Duplicates are not inherited by child processes, which could hold the pipes open after our end.
    channel = Channel(os.dup(0), os.dup(1))
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout = sys.stderr
    return channel
