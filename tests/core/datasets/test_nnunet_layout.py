"""Reading the layouts of the Decathlon and of nnU-Net."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobseg.datasets.nnunet_layout import NnunetSource
from mobseg.errors import InvalidInput
from tests.core.datasets.trees import decathlon


def test_reads_the_decathlon(tmp_path: Path) -> None:
    decathlon(tmp_path)
    source = NnunetSource(tmp_path)
    assert source.label_names == ("spleen",)
    assert source.case_names() == [f"spleen_{i}" for i in range(5)]
    case = source.read("spleen_3")
    assert case.image.name == "spleen_3.nii.gz"
    assert case.labels.array[1, 1, 3] == 1


def test_reads_nnunets_own_layout(tmp_path: Path) -> None:
    decathlon(tmp_path, labels={"tumour": 2, "background": 0, "organ": 1})
    images = tmp_path / "imagesTr"
    (images / "spleen_0.nii.gz").rename(images / "spleen_0_0000.nii.gz")
    source = NnunetSource(tmp_path)
    assert source.label_names == ("organ", "tumour")
    assert source.read("spleen_0").image.name == "spleen_0_0000.nii.gz"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"0": "background"}, "values 0, 1, 2"),
        ({"background": 0, "organ": 3}, "values 0, 1, 2"),
        ({"background": 0, "whole": [1, 2]}, "regions"),
    ],
)
def test_labels_that_cannot_be_converted(tmp_path: Path, labels: dict, message: str) -> None:
    decathlon(tmp_path, labels=labels)
    with pytest.raises(InvalidInput, match=message):
        NnunetSource(tmp_path)


def test_a_value_that_nobody_named(tmp_path: Path) -> None:
    decathlon(tmp_path)
    (tmp_path / "labelsTr" / "spleen_0.nii.gz").unlink()
    from tests.core.datasets.trees import mask, write  # noqa: PLC0415

    write(5 * mask((0, 0, 0)), tmp_path / "labelsTr" / "spleen_0.nii.gz")
    with pytest.raises(InvalidInput, match="does not name"):
        NnunetSource(tmp_path).read("spleen_0")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"dataset\.json"):
        NnunetSource(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"0": "b", "1": "x"}}))
    with pytest.raises(InvalidInput, match="labelsTr"):
        NnunetSource(tmp_path)
