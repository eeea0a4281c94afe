"""Lists of regions as CSV for people and spreadsheets, and as JSON for programs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobseg import strict_json
from mobseg.errors import InvalidInput
from mobseg.regions.region import FlaggedRegion

_FORMAT_VERSION = 1

_CSV_COLUMNS = (
    "id",
    "label_value",
    "label_name",
    "reason",
    "status",
    "volume_mm3",
    "voxel_count",
    "expected_error_mm3",
    "peak_score",
    "mean_score",
    "peak_r_mm",
    "peak_a_mm",
    "peak_s_mm",
)


@dataclass(frozen=True)
class _RegionsFile:
    format_version: int
    regions: tuple[FlaggedRegion, ...]


def write_regions_csv(regions: Sequence[FlaggedRegion], path: Path) -> None:
    """Write one row per region; positions are RAS in mm."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_CSV_COLUMNS)
        writer.writerows(_csv_row(region) for region in regions)


def _csv_row(region: FlaggedRegion) -> list[object]:
    measures = (
        region.expected_error_mm3,
        region.peak_score,
        region.mean_score,
        *region.peak_ras_mm,
    )
    return [
        region.id,
        region.label_value,
        region.label_name,
        region.reason,
        region.status,
        f"{region.volume_mm3:.6g}",
        region.voxel_count,
        *(f"{value:.6g}" for value in measures),
    ]


def write_regions_json(regions: Sequence[FlaggedRegion], path: Path) -> None:
    """Write every field of every region, to be read back without loss."""
    # Without line breaks, with which Python's JSON takes ten times as long.
    content = strict_json.dumps(_RegionsFile(_FORMAT_VERSION, tuple(regions)))
    path.write_bytes(content + b"\n")


def read_regions_json(path: Path) -> tuple[FlaggedRegion, ...]:
    """Read what :func:`write_regions_json` wrote.

    Raises:
        InvalidInput: the file is missing, damaged or from a newer version.
    """
    try:
        content = strict_json.loads(path.read_bytes())
        version = content.get("format_version") if isinstance(content, dict) else None
        if isinstance(version, int) and version > _FORMAT_VERSION:
            raise InvalidInput(f"{path.name} was written by a newer version of mobseg; update it.")
        return strict_json.decode(_RegionsFile, content).regions
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read; segment the image again.") from error
    except strict_json.StrictJsonError as error:
        raise InvalidInput(f"{path.name} is damaged: {error} Segment the image again.") from error
