"""Combo boxes whose entries have a key and a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fill(box: Any, entries: Sequence[tuple[str, str]], chosen: str) -> None:
    """Replace the entries without telling listeners.

    Args:
        box: ``QComboBox``.
        entries: pairs of key and text.
        chosen: key of the entry to select; the first entry if there is no such key.
    """
    was_blocked = box.blockSignals(True)
    box.clear()
    for key, text in entries:
        box.addItem(text, key)
    keys = [key for key, _ in entries]
    box.setCurrentIndex(keys.index(chosen) if chosen in keys else min(0, len(keys) - 1))
    box.blockSignals(was_blocked)


def chosen_key(box: Any) -> str:
    """Key of the selected entry; empty without entries."""
    return str(box.itemData(box.currentIndex)) if box.count else ""
