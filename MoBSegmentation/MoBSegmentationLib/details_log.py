"""The end of the worker's log, for a Details button."""

from __future__ import annotations

from collections.abc import Iterable

#: Enough for a traceback of a library.
_MAX_BYTES = 16 * 1024


class DetailsLog:
    """Keeps the last bytes that were added.

    The worker writes no names of its own accord, but a library may name the file that it reads; the folders
    given here are therefore taken out, and the files in a run folder have neutral names.
    """

    def __init__(self) -> None:
        self._tail = bytearray()
        self._is_cut = False

    def add(self, data: bytes) -> None:
        """Append output, forgetting the oldest."""
        self._tail += data
        if len(self._tail) > _MAX_BYTES:
            del self._tail[:-_MAX_BYTES]
            self._is_cut = True

    def text(self, hidden: Iterable[str] = ()) -> str:
        """What was kept, with the folders ``hidden`` replaced."""
        text = self._tail.decode("utf-8", errors="replace").strip()
        for folder in hidden:
            text = text.replace(folder, "...")
        return f"[...]\n{text}" if self._is_cut else text
