"""Frozen dataclasses to JSON and back, with every field and type checked.

Supported types: ``str``, ``bool``, ``int``, ``float``, ``X | None``, ``tuple[X, ...]``, ``tuple[X, Y]``,
``dict[str, X]`` and dataclasses of these.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")

#: What most values of long lists are, which need not be looked at more closely.
_PLAIN = frozenset({str, bool, int, float})

_NAMES: dict[Any, str] = {str: "a string", bool: "true or false", int: "an integer"}


class StrictJsonError(ValueError):
    """The text is not the expected JSON; the message names the field and what it must be."""


def loads(text: bytes) -> Any:
    """Parse UTF-8 JSON, refusing what Python would add to the standard (NaN and infinities).

    Raises:
        StrictJsonError: the text is not JSON.
    """
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise StrictJsonError("The text is not valid JSON.") from error


def dumps(value: object) -> bytes:
    """One line of UTF-8 JSON, without the line end, from a dataclass or plain values.

    Raises:
        ValueError: a number is not finite.
    """
    return json.dumps(encode(value), allow_nan=False, separators=(",", ":")).encode("ascii")


def encode(value: object) -> Any:
    """Turn dataclasses, tuples and dictionaries into what :func:`json.dumps` takes."""
    if type(value) in _PLAIN:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], value: Any) -> T:
    """Build a ``kind`` from parsed JSON.

    Raises:
        StrictJsonError: a field is missing, unknown or of the wrong type.
    """
    result: T = _decode(kind, value, "")
    return result


def _decode(kind: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, path)
    if kind is float:
        return _decode_float(value, path)
    if kind in _NAMES:
        # bool is a subclass of int, but true is not a number in JSON.
        if type(value) is not kind:
            raise _wrong(path, _NAMES[kind])
        return value
    return _decode_composite(kind, value, path)


def _decode_composite(kind: Any, value: Any, path: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return None if value is None else _decode(inner, value, path)
    if origin is tuple:
        return _decode_tuple(arguments, value, path)
    if origin is dict:
        if not isinstance(value, dict):
            raise _wrong(path, "an object")
        return {key: _decode(arguments[1], item, _join(path, key)) for key, item in value.items()}
    raise TypeError(f"Fields of type {kind} are not supported.")


def _decode_tuple(arguments: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(path, "a list")
    kinds = (arguments[0],) * len(value) if arguments[1:] == (...,) else arguments
    if len(value) != len(kinds):
        raise _wrong(path, f"a list of {len(kinds)} items")
    return tuple(
        _decode(kind, item, f"{path}[{index}]")
        for index, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _decode_float(value: Any, path: str) -> float:
    try:
        number = float(value) if type(value) in (int, float) else math.nan
    except OverflowError:
        number = math.inf
    # 1e999 is valid JSON, and infinite once parsed.
    if not math.isfinite(number):
        raise _wrong(path, "a finite number")
    return number


def _decode_dataclass(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(path, "an object")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in value:
        if name not in fields:
            raise StrictJsonError(f'There is no field "{_join(path, name)[:80]}".')
    for name, field in fields.items():
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if name not in value and not has_default:
            raise StrictJsonError(f'The field "{_join(path, name)}" is missing.')
    return kind(
        **{name: _decode(hints[name], item, _join(path, name)) for name, item in value.items()}
    )


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _wrong(path: str, expected: str) -> StrictJsonError:
    return StrictJsonError(
        f'The field "{path}" must be {expected}.' if path else f"The text must be {expected}."
    )


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
