"""Settings in memory, with the habits of ``QSettings``."""

from __future__ import annotations


class MemorySettings:
    """Gives back text for every value, and a list of one as its only item, as a settings file does."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def value(self, key: str) -> object:
        value = self.values.get(key)
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    def setValue(self, key: str, value: object) -> None:
        self.values[key] = value if isinstance(value, list) else str(value)
