from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mobseg.bundle.fields import Fields
from mobseg.errors import BundleError


def fields(**data: Any) -> Fields:
    return Fields(data, "file.json")


def test_values_of_the_right_type_come_through() -> None:
    data = fields(text="a", flag=False, whole=3, real=0.5, items=[1], pair=[1, 2.5], child={"x": 1})
    assert data.text("text") == "a"
    assert data.boolean("flag") is False
    assert data.integer("whole") == 3
    assert data.number("whole") == 3.0
    assert data.number("real") == 0.5
    assert data.items("items") == [1]
    assert data.numbers("pair", 2) == (1.0, 2.5)
    assert data.child("child").integer("x") == 1


def test_null_counts_as_absent() -> None:
    assert "a" in fields(a=0)
    assert "a" not in fields(a=None)
    assert "b" not in fields(a=0)


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (Fields.text, "", "text that is not empty"),
        (Fields.text, 1, "text"),
        (Fields.boolean, 1, "true or false"),
        (Fields.integer, True, "a whole number"),
        (Fields.integer, 1.0, "a whole number"),
        (Fields.number, float("inf"), "a finite number"),
        (Fields.number, True, "a finite number"),
        (Fields.items, {}, "a list"),
        (Fields.child, [], "an object"),
    ],
)
def test_a_wrong_value_is_named(read: Any, value: Any, message: str) -> None:
    with pytest.raises(BundleError, match=f'In file.json the key "key" must be {message}'):
        read(fields(key=value), "key")


@pytest.mark.parametrize("value", [[1], [1, 2, 3], [1, "2"], [1, True], 5])
def test_a_wrong_list_of_numbers_is_named(value: Any) -> None:
    with pytest.raises(BundleError, match='"key" must be a list'):
        fields(key=value).numbers("key", 2)


def test_nested_objects_say_where_they_are() -> None:
    parent = fields(child={}, children=[{"a": 1}, {}])
    with pytest.raises(BundleError, match=r'file\.json, child has no key "a"'):
        parent.child("child").integer("a")
    first, second = parent.children("children")
    assert first.integer("a") == 1
    with pytest.raises(BundleError, match=r'file\.json, children\[1\] has no key "a"'):
        second.integer("a")


def test_reading_a_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        Fields.read(tmp_path)
