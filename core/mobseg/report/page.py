"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from mobseg.prediction import RunRecord
from mobseg.prediction_folder import ThresholdRecord
from mobseg.regions import FlaggedRegion
from mobseg.report.figures import REGION_WIDTH_MM
from mobseg.report.markup import figure, milliliters, record_rows, table
from mobseg.report.stylesheet import STYLESHEET
from mobseg.summary import SegmentationSummary

DISCLAIMER = "Research use only, not a medical device."

_REASON_SENTENCES = {
    "boundary": "The model is unsure where the surface of the structure runs.",
    "isolated": "A separate island that is in doubt as a whole: it may not belong to the structure.",
    "missed candidate": "Nothing is segmented here, but the model sees signs of the structure: it may "
    "have been left out.",
    "interior": "The model is unsure inside the structure, away from its surface.",
}

_DETERMINISTIC = (
    " This model is deterministic and predicts no variance: the map shows how evenly it splits between "
    "labels, or how its repeated passes differ."
)

_ORIENTATION = "The patient's right is on the left in axial and coronal pictures."


@dataclass(frozen=True, eq=False)
class Page:
    """All that the page shows.

    Attributes:
        summary: volumes of the structures and of the regions.
        regions: all flagged regions by rank.
        record: how the result was made.
        is_stochastic: whether the model predicts a variance.
        intended_use: of the model, in words.
        score_label: name of the flagged map, with its unit.
        threshold: how the regions were flagged.
        overview_png: the scan from three sides.
        mosaic_png: cuts through everything.
        region_pngs: pictures of the first regions.
    """

    summary: SegmentationSummary
    regions: tuple[FlaggedRegion, ...]
    record: RunRecord
    is_stochastic: bool
    intended_use: str
    score_label: str
    threshold: ThresholdRecord
    overview_png: bytes
    mosaic_png: bytes
    region_pngs: tuple[bytes, ...]


def render(page: Page) -> str:
    """The HTML text."""
    model = escape(str(page.record.model.get("name", "Unnamed model")))
    names = escape(", ".join(structure.name for structure in page.summary.structures))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Segmentation review</title>
<style>{STYLESHEET}</style>
</head>
<body>
<header><div><h1>Segmentation review</h1><p>{model} · {names}</p></div></header>
<div class="warning"><p><strong>{DISCLAIMER}</strong> {escape(page.intended_use)}</p></div>
<main>
{_notes(page.record.notes)}
{_tiles(page)}
<h2>Structures</h2>
{_structure_table(page)}
<h2>How to read the pictures</h2>
{_legend(page)}
<h2>Where the regions are</h2>
{_overview(page)}
{_region_cards(page)}
<h2>Slices through everything that was segmented or flagged</h2>
{_mosaic(page)}
<h2>All regions</h2>
{_region_table(page)}
<h2>How this result was made</h2>
{table((), record_rows(page.record), css_class="small")}
</main>
</body>
</html>
"""


def _notes(notes: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>' if notes else ""


def _tiles(page: Page) -> str:
    tiles = (
        (str(len(page.regions)), "regions to check"),
        (milliliters(page.summary.regions_volume_mm3), "volume to check"),
        (
            milliliters(sum(r.expected_error_mm3 for r in page.regions)),
            "of it expected to be wrong, according to the model",
        ),
        (f"{sum(page.record.seconds_by_stage.values()):.0f} s", "computing time"),
    )
    items = "".join(
        f'<div class="tile"><b>{value}</b><span>{text}</span></div>' for value, text in tiles
    )
    return f'<div class="tiles">{items}</div>'


def _structure_table(page: Page) -> str:
    rows = []
    for structure in page.summary.structures:
        own = [r for r in page.regions if r.label_value == structure.value]
        rows.append(
            (
                structure.name,
                milliliters(structure.volume_mm3),
                str(len(own)),
                milliliters(sum(r.volume_mm3 for r in own)),
            )
        )
    return table(("Structure", "Volume", "Regions", "Volume to check"), rows, text_columns=1)


def _legend(page: Page) -> str:
    score = escape(page.score_label)
    origin = "" if page.is_stochastic else _DETERMINISTIC
    return f"""<div class="card"><dl class="legend">
<dt><div class="line"></div></dt><dd>Outline of the structure in question, as segmented.</dd>
<dt><div class="line other"></div></dt><dd>Outline of other structures.</dd>
<dt><div class="heat"></div></dt><dd><strong>{score}</strong>, from the threshold
{page.threshold.value:.3g} (dark) to the highest value found (bright). Below the threshold nothing is drawn.
Threshold: {escape(page.threshold.source)}{origin}</dd>
<dt><div class="dot">1</div></dt><dd>A region to check, numbered from the one with the largest expected
error. The expected error is the volume that is labelled wrongly if the model's probabilities are right; it
is not a measured error. Unmarked places can be wrong as well.</dd>
</dl></div>"""


def _overview(page: Page) -> str:
    shown = len(page.region_pngs)
    numbers = f"The first {shown} regions are numbered; dots are the others." if shown else ""
    return figure(
        page.overview_png,
        alt="The whole scan seen through from three sides, with the structures and the regions",
        caption=f"Mean density along each direction; the structures are tinted. {numbers} {_ORIENTATION}",
    )


def _region_cards(page: Page) -> str:
    if not page.regions:
        return "<p>No region reaches the threshold.</p>"
    cards = (_region_card(*pair) for pair in zip(page.regions, page.region_pngs, strict=False))
    return f"""<h2>The regions with the largest expected error</h2>
<p>Three slices through the highest value of each region, where the four strokes point. The pictures are
{REGION_WIDTH_MM:g} mm wide, with a soft-tissue window (level 40, width 400 HU). {_ORIENTATION}</p>
{"".join(cards)}"""


def _region_card(region: FlaggedRegion, picture: bytes) -> str:
    image = figure(
        picture,
        alt=f"Axial, coronal and sagittal CT slice through region {region.id} ({region.label_name}, "
        f"{region.reason}) with outline and heat map",
        caption=f"{_REASON_SENTENCES[region.reason]} {region.volume_mm3:.0f} mm³ to check, of which "
        f"{region.expected_error_mm3:.0f} mm³ are expected to be wrong; highest value "
        f"{region.peak_score:#.3g}.",
    )
    return f"""<section class="card">
<h3><span class="number">{region.id}</span>{escape(region.label_name)}
<span class="reason">{region.reason}</span></h3>
{image}
</section>"""


def _mosaic(page: Page) -> str:
    return figure(
        page.mosaic_png,
        alt="Axial slices at even distances with outlines and heat map",
        caption="Axial slices at even distances, from superior to inferior, with the same colours; all "
        f"structures have the strong outline. {_ORIENTATION}",
    )


def _region_table(page: Page) -> str:
    rows = [
        (
            str(region.id),
            region.label_name,
            region.reason,
            f"{region.volume_mm3:.0f}",
            f"{region.expected_error_mm3:.0f}",
            f"{region.peak_score:#.3g}",
            *(
                f"{coordinate:.1f}".replace("-", "\N{MINUS SIGN}")
                for coordinate in region.peak_ras_mm
            ),
        )
        for region in page.regions
    ]
    header = (
        "No.",
        "Structure",
        "Reason",
        "Volume (mm³)",
        "Expected error (mm³)",
        "Highest value",
        "R (mm)",
        "A (mm)",
        "S (mm)",
    )
    return table(header, rows, text_columns=3)
