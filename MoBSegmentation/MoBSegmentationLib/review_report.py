"""The report of a review: one HTML page with pictures, to be read in a minute."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from MoBSegmentationLib.pictures import png_bytes
from MoBSegmentationLib.region_pictures import RegionPictures
from MoBSegmentationLib.review_session import ReviewRow
from MoBSegmentationLib.reviewed_result import ReviewedResult

if TYPE_CHECKING:
    from mobseg.regions import FlaggedRegion

_MOST_PICTURES = 20

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3em .6em;
border-bottom: 1px solid #ddd; vertical-align: top } td.n, th.n { text-align: right }
.warning { border-left: 4px solid #c60; padding: .2em 1em; background: #fff6ee }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(17em, 1fr)); gap: 1em }
figure { margin: 0 } img { width: 100%; image-rendering: pixelated; background: #000 }
.before { color: #b57a00; font-weight: 600 } .after { color: #0a78b4; font-weight: 600 }
"""


def write_report(reviewed: ReviewedResult, path: Path) -> None:
    """Write the page; everything it needs is in the file."""
    model = reviewed.run.record.model
    decided = sum(row.status != "open" for row in reviewed.rows)
    parts = [
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>Review</title><style>{_STYLE}</style></head><body><h1>Review of a segmentation</h1>",
        "<p class='warning'>Research use only. Not a medical device.</p>",
        f"<p>Model: {escape(str(model.get('name', 'unknown')))}. "
        f"{escape(str(model.get('intended_use', '')))}</p>",
        f"<p>{decided} of {len(reviewed.rows)} regions decided{_by_whom(reviewed)}. Threshold "
        f"{reviewed.threshold:.3g} on the map {_score_name(reviewed)}.</p>",
        _structures(reviewed),
        _regions(reviewed),
        _pictures(reviewed),
        "</body></html>",
    ]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _by_whom(reviewed: ReviewedResult) -> str:
    return f" by {escape(reviewed.reviewer_initials)}" if reviewed.reviewer_initials else ""


def _score_name(reviewed: ReviewedResult) -> str:
    from mobseg.uncertainty import display_name  # noqa: PLC0415

    name = display_name(reviewed.run.threshold.score, reviewed.run.is_stochastic)
    return f"&ldquo;{escape(name)}&rdquo;"


def _structures(reviewed: ReviewedResult) -> str:
    head = "<tr><th>Structure<th class=n>Before, mL<th class=n>After, mL<th class=n>Added<th class=n>Removed"
    rows = [
        f"<tr><td>{escape(one.name)}"
        + "".join(
            f"<td class=n>{mm3 / 1000:.2f}"
            for mm3 in (one.before_mm3, one.after_mm3, one.added_mm3, one.removed_mm3)
        )
        for one in reviewed.structures
    ]
    return f"<h2>Volumes</h2><table>{head}{''.join(rows)}</table>"


def _regions(reviewed: ReviewedResult) -> str:
    head = (
        "<tr><th class=n>Rank<th>Structure<th>Reason<th class=n>Volume, mL<th class=n>Expected error, mL"
        "<th>Status<th>Comment"
    )
    rows = [
        f"<tr><td class=n>{row.rank}<td>{escape(row.segment)}<td>{row.reason}"
        f"<td class=n>{row.volume_mm3 / 1000:.2f}<td class=n>{row.expected_error_mm3 / 1000:.2f}"
        f"<td>{row.status}<td>{escape(row.comment)}"
        for row in reviewed.rows
    ]
    return f"<h2>Regions</h2><table>{head}{''.join(rows)}</table>"


def _pictures(reviewed: ReviewedResult) -> str:
    """The regions that were edited first, then the others, as far as there is room."""
    if reviewed.image is None:
        return "<p>No pictures: the image was removed from the scene.</p>"
    pairs = list(zip(reviewed.regions, reviewed.rows, strict=True))
    chosen = sorted(pairs, key=lambda pair: pair[1].status != "edited")[:_MOST_PICTURES]
    pictures = RegionPictures(reviewed)
    figures = "".join(_figure(pictures, region, row) for region, row in chosen)
    return (
        "<h2>Pictures</h2><p>Axial slices through the peaks of the regions. Outlines: "
        "<span class=before>as predicted</span>, <span class=after>after the review</span> (drawn above).</p>"
        f"<div class=pictures>{figures}</div>"
    )


def _figure(pictures: RegionPictures, region: FlaggedRegion, row: ReviewRow) -> str:
    picture = base64.b64encode(png_bytes(pictures.draw(region))).decode("ascii")
    caption = f"{row.rank}. {escape(row.segment)}, {row.reason}: {row.status}"
    return (
        f"<figure><img alt='Region {row.rank}' src='data:image/png;base64,{picture}'>"
        f"<figcaption>{caption}</figcaption></figure>"
    )
