from __future__ import annotations

import csv
import dataclasses
import json

import pytest

from mobseg.errors import InvalidInput
from mobseg.regions import (
    FlaggedRegion,
    read_regions_json,
    write_regions_csv,
    write_regions_json,
)

REGION = FlaggedRegion(
    id=1,
    label_value=3,
    label_name='Left "gland", ärmlich',
    window_kji=((1, 3), (2, 4), (3, 6)),
    peak_kji=(1, 2, 4),
    peak_ras_mm=(8.0, 16.1, -27.123456),
    volume_mm3=1 / 3,
    voxel_count=3,
    peak_score=0.12,
    mean_score=0.1,
    expected_error_mm3=2.7,
    reason="boundary",
)
OTHER = dataclasses.replace(REGION, id=2, reason="missed candidate", status="rejected")


def test_json_is_read_back_without_loss(tmp_path):
    write_regions_json([REGION, OTHER], tmp_path / "regions.json")
    assert read_regions_json(tmp_path / "regions.json") == (REGION, OTHER)


def test_no_regions(tmp_path):
    write_regions_json([], tmp_path / "regions.json")
    write_regions_csv([], tmp_path / "regions.csv")
    assert read_regions_json(tmp_path / "regions.json") == ()
    assert len((tmp_path / "regions.csv").read_text().splitlines()) == 1


def test_csv_has_one_row_per_region(tmp_path):
    write_regions_csv([REGION, OTHER], tmp_path / "regions.csv")
    with (tmp_path / "regions.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "id": "1",
        "label_value": "3",
        "label_name": 'Left "gland", ärmlich',
        "reason": "boundary",
        "status": "open",
        "volume_mm3": "0.333333",
        "voxel_count": "3",
        "expected_error_mm3": "2.7",
        "peak_score": "0.12",
        "mean_score": "0.1",
        "peak_r_mm": "8",
        "peak_a_mm": "16.1",
        "peak_s_mm": "-27.1235",
    }
    assert (second["reason"], second["status"]) == ("missed candidate", "rejected")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "newer version"),
        ({"format_version": "1"}, "damaged"),
        ({"regions": [{"id": 1}]}, "damaged"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, change, message):
    path = tmp_path / "regions.json"
    write_regions_json([REGION], path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InvalidInput, match=message):
        read_regions_json(path)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"regions": []}'])
def test_a_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "regions.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=r"regions\.json is damaged"):
        read_regions_json(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_regions_json(tmp_path / "regions.json")


@pytest.mark.parametrize("field", ["reason", "status"])
def test_unknown_words_are_refused(field):
    with pytest.raises(InvalidInput, match="perhaps"):
        dataclasses.replace(REGION, **{field: "perhaps"})
