from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from mobseg import strict_json
from mobseg.strict_json import StrictJsonError


@dataclass(frozen=True)
class Inner:
    size: float


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 1
    is_on: bool = False
    limit: float | None = None
    pair: tuple[int, float] = (1, 2.0)
    many: tuple[Inner, ...] = ()
    by_name: dict[str, float] = field(default_factory=dict)


def decode(text: bytes) -> Outer:
    return strict_json.decode(Outer, strict_json.loads(text))


def test_round_trip_restores_every_field():
    value = Outer(
        name="Mä\nß",
        count=-3,
        is_on=True,
        limit=0.1,
        pair=(4, 5.5),
        many=(Inner(1.0), Inner(2.0)),
        by_name={"a.b": 1e-30},
    )
    line = strict_json.dumps(value)
    assert b"\n" not in line
    assert decode(line) == value


def test_left_out_fields_take_their_defaults():
    assert decode(b'{"name": "x"}') == Outer("x")


def test_whole_numbers_are_accepted_for_floats():
    assert decode(b'{"name": "x", "limit": 2}').limit == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"name": 1}', '"name" must be a string'),
        (b'{"count": 1}', '"name" is missing'),
        (b'{"name": "x", "nome": 1}', 'no field "nome"'),
        (b'{"name": "x", "count": true}', '"count" must be an integer'),
        (b'{"name": "x", "count": 1.0}', '"count" must be an integer'),
        (b'{"name": "x", "is_on": 1}', '"is_on" must be true or false'),
        (b'{"name": "x", "limit": 1e999}', '"limit" must be a finite number'),
        (b'{"name": "x", "limit": 1' + b"0" * 400 + b"}", '"limit" must be a finite number'),
        (b'{"name": "x", "limit": false}', '"limit" must be a finite number'),
        (b'{"name": "x", "pair": [1]}', '"pair" must be a list of 2 items'),
        (b'{"name": "x", "pair": [1, "2"]}', '"pair[1]" must be a finite number'),
        (b'{"name": "x", "many": [{"size": null}]}', '"many[0].size" must be a finite number'),
        (b'{"name": "x", "by_name": {"a": "b"}}', '"by_name.a" must be a finite number'),
        (b'{"name": "x", "by_name": []}', '"by_name" must be an object'),
        (b'{"name": "x", "name": null}', '"name" must be a string'),
        (b"[]", "The text must be an object"),
    ],
)
def test_wrong_fields_are_named(text, message):
    with pytest.raises(StrictJsonError, match=message.replace("[", r"\[")):
        decode(text)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"nonsense", b'{"a": NaN}', b"-Infinity", b"\xff\xfe", b"[" * 100_000, b"1" * 5000],
)
def test_what_is_not_json_is_refused(text):
    with pytest.raises(StrictJsonError, match="not valid JSON"):
        strict_json.loads(text)


def test_numbers_that_are_not_finite_are_not_written():
    with pytest.raises(ValueError, match="JSON"):
        strict_json.dumps(Outer("x", limit=float("nan")))
