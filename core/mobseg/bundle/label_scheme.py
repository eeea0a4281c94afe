"""What the network's outputs mean, from nnU-Net's ``dataset.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mobseg.bundle.fields import Fields
from mobseg.bundle.terminology import code_for_organ, color_for_index
from mobseg.errors import BundleError
from mobseg.labels import Label, LabelTable

LabelMode = Literal["softmax", "regions"]


@dataclass(frozen=True)
class LabelScheme:
    """Labels in the order of the network's outputs.

    Attributes:
        mode: ``softmax``: one output per label, background first; ``regions``: one sigmoid output per
            region, and the label value of a region is what it writes into the label map.
        table: foreground labels.
        ignore_label: value of unlabelled voxels in the training data, or ``None``.
    """

    mode: LabelMode
    table: LabelTable
    ignore_label: int | None


def label_scheme(dataset: Fields) -> LabelScheme:
    """Read the labels as nnU-Net's ``LabelManager`` does.

    Raises:
        BundleError: labels are missing, not consecutive, or regions have no class order.
    """
    labels = dict(dataset.child("labels").data)
    if labels.pop("background", None) != 0:
        raise BundleError(
            'In dataset.json the label "background" must be 0; correct the model\'s labels.'
        )
    ignore_label = labels.pop("ignore", None)
    values = {name: _values(name, value) for name, value in labels.items()}
    values = {name: inside for name, inside in values.items() if set(inside) != {0}}
    _check_ignore_label(ignore_label, values)
    if any(len(inside) > 1 for inside in values.values()):
        return LabelScheme("regions", _region_table(dataset, list(values)), ignore_label)
    return LabelScheme("softmax", _softmax_table(values), ignore_label)


def _values(name: str, value: Any) -> tuple[int, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(type(item) is int and item >= 0 for item in values):
        raise BundleError(
            f'In dataset.json the label "{name}" must be a whole number or a list of them.'
        )
    return tuple(values)


def _check_ignore_label(ignore_label: Any, values: dict[str, tuple[int, ...]]) -> None:
    highest = max((value for inside in values.values() for value in inside), default=0)
    if ignore_label is not None and ignore_label != highest + 1:
        raise BundleError(
            f'In dataset.json the label "ignore" must be {highest + 1}, one above the highest label.'
        )


def _softmax_table(values: dict[str, tuple[int, ...]]) -> LabelTable:
    names = sorted(values, key=values.__getitem__)
    if [values[name] for name in names] != [(value,) for value in range(1, len(names) + 1)]:
        raise BundleError("In dataset.json the labels must be 0, 1, 2, ... without gaps.")
    return _table(names, range(1, len(names) + 1))


def _region_table(dataset: Fields, names: list[str]) -> LabelTable:
    order = dataset.items("regions_class_order")
    if len(order) != len(names) or not all(type(value) is int for value in order):
        raise dataset.wrong("regions_class_order", f"a list of {len(names)} whole numbers")
    return _table(names, order)


def _table(names: Sequence[str], values: Sequence[int]) -> LabelTable:
    return LabelTable(
        tuple(
            Label(value, name, color_for_index(index), type=code_for_organ(name))
            for index, (name, value) in enumerate(zip(names, values, strict=True))
        )
    )
