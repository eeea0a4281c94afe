"""Checked access to the JSON files of a model, with sentences that name the wrong key."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from mobseg import strict_json
from mobseg.errors import BundleError

T = TypeVar("T")

_KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "an object",
}


class Fields:
    """The keys of one JSON object.

    Args:
        data: the parsed object.
        where: how messages call it, such as ``mobseg.json``.
    """

    def __init__(self, data: dict[str, Any], where: str) -> None:
        self.data = data
        self.where = where

    @classmethod
    def read(cls, path: Path) -> Fields:
        """Read a JSON file that holds an object.

        Raises:
            BundleError: the file is missing, unreadable, not JSON or not an object.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise BundleError(
                f"The model folder {path.parent} has no {path.name}; use a complete nnU-Net v2 "
                "model folder."
            ) from error
        except OSError as error:
            raise BundleError(f"{path} cannot be read ({error.strerror}).") from error
        return cls.parse(content, path.name)

    @classmethod
    def parse(cls, content: bytes, where: str) -> Fields:
        """Parse the text of a JSON object.

        Raises:
            BundleError: the text is not JSON or not an object.
        """
        try:
            data = strict_json.loads(content)
        except strict_json.StrictJsonError as error:
            raise BundleError(
                f"{where} is damaged: it is not valid JSON; obtain the model again."
            ) from error
        if not isinstance(data, dict):
            raise BundleError(f"{where} must hold a JSON object; obtain the model again.")
        return cls(data, where)

    def __contains__(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self.data.get(key) is not None

    def text(self, key: str) -> str:
        """Text that is not empty."""
        value = self._get(key, str)
        if not value.strip():
            raise self.wrong(key, "text that is not empty")
        return value

    def boolean(self, key: str) -> bool:
        """True or false."""
        return self._get(key, bool)

    def integer(self, key: str) -> int:
        """A whole number."""
        return self._get(key, int)

    def number(self, key: str) -> float:
        """A finite number."""
        value: Any = self._get(key, object)
        if not _is_finite_number(value):
            raise self.wrong(key, "a finite number")
        return float(value)

    def items(self, key: str) -> list[Any]:
        """A list."""
        return self._get(key, list)

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        """``count`` finite numbers."""
        values = self.items(key)
        if len(values) != count or not all(map(_is_finite_number, values)):
            raise self.wrong(key, f"a list of {count} finite numbers")
        return tuple(float(value) for value in values)

    def child(self, key: str) -> Fields:
        """A nested object."""
        return Fields(self._get(key, dict), f"{self.where}, {key}")

    def children(self, key: str) -> Iterator[Fields]:
        """The objects of a list."""
        for index, value in enumerate(self.items(key)):
            if not isinstance(value, dict):
                raise self.wrong(key, "a list of objects")
            yield Fields(value, f"{self.where}, {key}[{index}]")

    def wrong(self, key: str, expected: str) -> BundleError:
        """The error that the value of ``key`` is not what it must be."""
        return BundleError(f'In {self.where} the key "{key}" must be {expected}.')

    def _get(self, key: str, kind: type[T]) -> T:
        if key not in self.data:
            raise BundleError(f'{self.where} has no key "{key}"; use a complete model.')
        value = self.data[key]
        # bool is a subclass of int, but true is not a number in JSON.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.wrong(key, _KINDS[kind])
        return value


def _is_finite_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
