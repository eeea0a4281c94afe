"""Regions and decisions as CSV for people and as JSON for programs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from MoBSegmentationLib.reviewed_result import ReviewedResult

FORMAT_VERSION = 1

_COLUMNS = (
    "rank",
    "segment",
    "reason",
    "status",
    "comment",
    "volume_mm3",
    "expected_error_mm3",
    "peak_score",
    "peak_r_mm",
    "peak_a_mm",
    "peak_s_mm",
)


def write_decisions_csv(reviewed: ReviewedResult, path: Path) -> None:
    """Write one row per region; positions are RAS in mm, in the world of the scene."""
    with path.open(
        "w", newline="", encoding="utf-8-sig"
    ) as file:  # with a mark, or Excel guesses wrongly
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for row in reviewed.rows:
            numbers = (
                row.volume_mm3,
                row.expected_error_mm3,
                row.peak_score,
                *row.peak_ras_mm,
            )
            writer.writerow(
                [row.rank, row.segment, row.reason, row.status, _as_text(row.comment)]
                + [f"{number:.6g}" for number in numbers]
            )


def write_decisions_json(reviewed: ReviewedResult, path: Path) -> None:
    """Write regions, decisions and changes, and how the prediction was made."""
    from mobseg import strict_json  # noqa: PLC0415

    run = reviewed.run
    content: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "model": run.record.model,
        "score": run.threshold.score,
        "threshold": reviewed.threshold,
        "is_stochastic": run.is_stochastic,
        "reviewer_initials": reviewed.reviewer_initials,
        "structures": strict_json.encode(reviewed.structures),
        "regions": [
            {
                **strict_json.encode(region),
                "status": row.status,
                "comment": row.comment,
                "peak_world_ras_mm": row.peak_ras_mm,
            }
            for region, row in zip(reviewed.regions, reviewed.rows, strict=True)
        ],
    }
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _as_text(comment: str) -> str:
    """A comment that no spreadsheet takes for a formula."""
    return f"'{comment}" if comment.startswith(("=", "+", "-", "@")) else comment
