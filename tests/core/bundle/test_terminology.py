from __future__ import annotations

import json

import pytest

from mobseg.bundle.layout import RESOURCES
from mobseg.bundle.terminology import code_for_organ, color_for_index


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Parotid gland", "45289007"),
        ("parotid_gland", "45289007"),
        ("RightParotid", "45289007"),
        ("parotid_l", "45289007"),
        ("Parotids", "45289007"),
        ("kidney_left", "64033007"),
        ("SpinalCord", "2748008"),
        ("oesophagus", "32849002"),
        ("LIVER", "10200004"),
        ("pancreas", "15776009"),
        ("spleen", "78961009"),
    ],
)
def test_common_spellings_find_the_snomed_code(name: str, value: str) -> None:
    code = code_for_organ(name)
    assert code is not None
    assert (code.value, code.scheme) == (value, "SCT")


@pytest.mark.parametrize("name", ["", "left", "tumour of the liver", "organ_1"])
def test_other_names_find_none(name: str) -> None:
    assert code_for_organ(name) is None


def test_no_name_or_code_is_listed_twice() -> None:
    organs = json.loads((RESOURCES / "terminology.json").read_text("utf-8"))["organs"]
    names = [n.lower() for organ in organs for n in (organ["meaning"], *organ["aliases"])]
    codes = [organ["code"] for organ in organs]
    assert len(set(names)) == len(names)
    assert len(set(codes)) == len(codes)


def test_the_first_colours_are_distinct() -> None:
    colors = [color_for_index(index) for index in range(12)]
    assert len(set(colors)) == 12
    assert color_for_index(12) == colors[0]
