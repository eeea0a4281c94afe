"""From a source to nnU-Net's raw data, with what is left out and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import SimpleITK as sitk

from mobseg.datasets import NnunetSource, TotalSegmentatorSource, convert
from mobseg.datasets.conversion import RECORD
from mobseg.errors import InvalidInput, OutputError
from mobseg.progress import SilentProgress
from mobseg.validation import cases_of_dataset
from tests.core.datasets.trees import decathlon, totalsegmentator

NAME = "Dataset510_Pancreas"


def _convert(tmp_path: Path, source: object, name: str = NAME, seed: int = 1):
    return convert(
        source,  # type: ignore[arg-type]
        tmp_path / "raw",
        tmp_path / "preprocessed",
        name,
        seed,
        SilentProgress(),
    )


def test_absent_organs_and_damaged_cases_are_left_out_with_the_reason(tmp_path: Path) -> None:
    totalsegmentator(tmp_path / "source", 12)
    (tmp_path / "source" / "s0001" / "ct.nii.gz").unlink()
    (tmp_path / "source" / "s0002" / "segmentations" / "pancreas.nii.gz").write_bytes(b"damaged")
    result = _convert(tmp_path, TotalSegmentatorSource(tmp_path / "source", ["pancreas"]))
    assert result.absent == ("s0000", "s0004", "s0008")
    assert set(result.damaged) == {"s0001", "s0002"}
    split = result.split
    assert (len(split.train), len(split.validation), len(split.test)) == (5, 1, 1)

    raw = tmp_path / "raw" / NAME
    record = json.loads((raw / RECORD).read_text())
    assert record["seed"] == 1
    assert record["test"] == list(split.test)
    assert set(record["damaged"]) == {"s0001", "s0002"}
    folds = json.loads((tmp_path / "preprocessed" / NAME / "splits_final.json").read_text())
    assert folds == [{"train": list(split.train), "val": list(split.validation)}]
    description = json.loads((raw / "dataset.json").read_text())
    assert description["numTraining"] == 6
    assert description["labels"] == {"background": 0, "pancreas": 1}


def test_files_are_where_nnunet_and_mobseg_look_for_them(tmp_path: Path) -> None:
    totalsegmentator(tmp_path / "source", 12)
    result = _convert(tmp_path, TotalSegmentatorSource(tmp_path / "source", ["pancreas"]))
    raw = tmp_path / "raw" / NAME
    for suffix, names in (
        ("Tr", (*result.split.train, *result.split.validation)),
        ("Ts", result.split.test),
    ):
        cases = cases_of_dataset(raw / f"images{suffix}", raw / f"labels{suffix}", None)
        assert sorted(case.name for case in cases) == sorted(names)
    case = cases[0]
    original = tmp_path / "source" / case.name / "ct.nii.gz"
    assert case.image.read_bytes() == original.read_bytes()
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(case.reference)))[1, 2, 3] == 1


def test_several_organs_keep_a_scan_that_has_one_of_them(tmp_path: Path) -> None:
    totalsegmentator(tmp_path / "source", 8)
    source = TotalSegmentatorSource(tmp_path / "source", ["pancreas", "duodenum"])
    assert _convert(tmp_path, source).absent == ("s0000", "s0004")


def test_the_decathlon_layout(tmp_path: Path) -> None:
    decathlon(tmp_path / "source")
    result = _convert(tmp_path, NnunetSource(tmp_path / "source"))
    assert len(result.split.test) == 1
    assert result.damaged == {}


def test_nothing_is_written_when_no_case_can_be_used(tmp_path: Path) -> None:
    totalsegmentator(tmp_path / "source", 1)
    with pytest.raises(InvalidInput, match="1 without the labels"):
        _convert(tmp_path, TotalSegmentatorSource(tmp_path / "source", ["pancreas"]))
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_data_set_is_not_replaced(tmp_path: Path) -> None:
    decathlon(tmp_path / "source")
    _convert(tmp_path, NnunetSource(tmp_path / "source"))
    with pytest.raises(OutputError, match="exists already"):
        _convert(tmp_path, NnunetSource(tmp_path / "source"))
