"""``mobseg dataset``."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobseg.cli.main import main
from tests.core.datasets.trees import decathlon, totalsegmentator


@pytest.fixture(autouse=True)
def nnunet_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))


def test_counts_stand_beside_those_of_the_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    totalsegmentator(tmp_path / "source", 12)
    (tmp_path / "source" / "s0001" / "ct.nii.gz").write_bytes(b"damaged")
    source = str(tmp_path / "source")
    arguments = ["totalsegmentator", source, "--organ", "pancreas", "--number", "7", "--seed", "5"]
    assert main(["dataset", *arguments]) == 0
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["this", "data", "set", "5", "1", "2"] in printed
    assert ["paper,", "pancreas", "648", "130", "163"] in printed
    assert ["Left", "out", "without", "the", "labels:", "3"] in printed
    assert any(line[0] == "s0001:" for line in printed)
    assert (tmp_path / "raw" / "Dataset007_Pancreas" / "dataset.json").exists()


def test_a_name_of_ones_own(tmp_path: Path) -> None:
    decathlon(tmp_path / "source")
    arguments = ["nnunet", str(tmp_path / "source"), "--number", "12", "--name", "My spleen"]
    assert main(["dataset", *arguments]) == 0
    assert (tmp_path / "raw" / "Dataset012_Myspleen").is_dir()


@pytest.mark.parametrize(
    ("number", "unset", "message"),
    [("0", "", "1 to 999"), ("5", "nnUNet_raw", "Set nnUNet_raw")],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: str,
    unset: str,
    message: str,
) -> None:
    decathlon(tmp_path / "source")
    if unset:
        monkeypatch.delenv(unset)
    assert main(["dataset", "nnunet", str(tmp_path / "source"), "--number", number]) == 3
    assert message in capsys.readouterr().err
