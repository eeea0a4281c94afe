from __future__ import annotations

import pytest

from mobseg.errors import BundleError
from mobseg.labels import ANATOMICAL_STRUCTURE, Code, Label, LabelTable

PAROTID = Label(3, "Parotid gland", (200, 100, 0), type=Code("45289007", "SCT", "Parotid gland"))
MANDIBLE = Label(1, "Mandible", (255, 255, 200))


def test_table_keeps_the_order_of_the_output_channels() -> None:
    table = LabelTable((PAROTID, MANDIBLE))
    assert [label.value for label in table] == [3, 1]
    assert len(table) == 2


def test_by_value() -> None:
    table = LabelTable((PAROTID, MANDIBLE))
    assert table.by_value(1) is MANDIBLE
    with pytest.raises(KeyError):
        table.by_value(2)


def test_a_label_is_an_anatomical_structure_of_unknown_type_by_default() -> None:
    assert (
        MANDIBLE.category
        == ANATOMICAL_STRUCTURE
        == Code("123037004", "SCT", "Anatomical Structure")
    )
    assert MANDIBLE.type is None


@pytest.mark.parametrize("values", [(), (0,), (-1, 2), (1, 2, 1)])
def test_values_must_be_positive_and_distinct(values: tuple[int, ...]) -> None:
    with pytest.raises(BundleError, match="distinct and positive"):
        LabelTable(tuple(Label(value, "name", (0, 0, 0)) for value in values))
