"""How stand-ins declare properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Property

from tests.qt_host.pythonqt import SETTERS


def delegated(kind: Any, read: Callable[[Any], Any], write: Callable[[Any, Any], None]) -> Property:
    """A property that another widget holds."""
    declared = Property(kind, read, write)
    SETTERS[declared] = write
    return declared


def stored(
    name: str,
    kind: Any,
    default: Any,
    changed: Callable[[Any], None] | None = None,
    signal: str | None = None,
) -> Property:
    """A property that the stand-in itself holds.

    Args:
        name: its name.
        kind: its type, or the name of a C++ type.
        default: first value.
        changed: called with the widget after the value changed.
        signal: name of the signal that then carries the new value.
    """
    key = f"_{name}"

    def read(self: Any) -> Any:
        return self.__dict__.get(key, default)

    def write(self: Any, value: Any) -> None:
        if isinstance(value, list):
            value = tuple(value)  # PythonQt gives lists back as tuples
        if kind in (int, float, bool, str):
            value = kind(value)
        if value == read(self):
            return
        self.__dict__[key] = value
        if changed:
            changed(self)
        if signal:
            getattr(self, signal).emit(value)

    return delegated(kind, read, write)
