"""Keyboard shortcuts that work only while the module is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt


class Shortcuts:
    """Shortcuts of the main window; typing into a text field is not disturbed.

    Args:
        keys: pairs of a key sequence and what it does.
    """

    def __init__(self, keys: Sequence[tuple[str, Callable[[], None]]]) -> None:
        self._keys = tuple(keys)
        self._installed: list[Any] = []

    def install(self, window: Any) -> None:
        """Begin to listen; does nothing without a window, and nothing the second time."""
        if window is None or self._installed:
            return
        for sequence, action in self._keys:
            shortcut = qt.QShortcut(window)
            shortcut.setKey(qt.QKeySequence(sequence))
            shortcut.connect("activated()", action)
            self._installed.append(shortcut)

    def uninstall(self) -> None:
        """Stop listening."""
        for shortcut in self._installed:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._installed = []
