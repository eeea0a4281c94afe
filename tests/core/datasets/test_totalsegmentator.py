"""Reading the layout of the TotalSegmentator data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobseg.datasets.totalsegmentator import TotalSegmentatorSource
from mobseg.errors import GeometryMismatch, InvalidInput
from tests.core.datasets.trees import mask, totalsegmentator, write


def test_organs_become_labels_in_the_order_asked_for(tmp_path: Path) -> None:
    totalsegmentator(tmp_path, 2)
    source = TotalSegmentatorSource(tmp_path, ["duodenum", "pancreas"])
    assert source.label_names == ("duodenum", "pancreas")
    assert source.case_names() == ["s0000", "s0001"]
    labels = source.read("s0001").labels.array
    assert labels[2, 2, 3] == 1
    assert labels[1, 2, 3] == 2
    assert np.count_nonzero(labels) == 2


def test_masks_and_image_must_share_a_grid(tmp_path: Path) -> None:
    totalsegmentator(tmp_path, 2)
    write(mask((0, 0, 0)), tmp_path / "s0000" / "segmentations" / "pancreas.nii.gz", spacing=2.0)
    with pytest.raises(GeometryMismatch, match="image and its label map"):
        TotalSegmentatorSource(tmp_path, ["pancreas"]).read("s0000")
    with pytest.raises(GeometryMismatch, match="masks"):
        TotalSegmentatorSource(tmp_path, ["pancreas", "duodenum"]).read("s0000")


def test_another_layout_and_an_unknown_organ_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no subject"):
        TotalSegmentatorSource(tmp_path, ["pancreas"])
    totalsegmentator(tmp_path, 1)
    with pytest.raises(InvalidInput, match=r"pancras\.nii\.gz"):
        TotalSegmentatorSource(tmp_path, ["pancras"])
