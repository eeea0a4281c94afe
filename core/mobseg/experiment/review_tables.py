"""The tables on finding errors and guiding a reviewer, by voxels and by regions."""

from __future__ import annotations

from collections.abc import Sequence

from mobseg.experiment.results import Row
from mobseg.experiment.statistics import compare
from mobseg.experiment.table import SCORE_TITLES, Table, spread
from mobseg.metrics.region_review import FIRST_REGIONS, FLAGGED_SHARE, MOST_REGIONS
from mobseg.metrics.score_metrics import COMPARED_SCORES


def detection_table(rows: Sequence[Row], control: Row) -> Table:
    """Finding errors and guiding a reviewer, by map."""
    reference = control.per_case("entropy.review_benefit")
    body = []
    for row in rows:
        for score in COMPARED_SCORES:
            benefit = row.per_case(f"{score}.review_benefit")
            one = compare(benefit, reference)
            body.append(
                (
                    row.name,
                    SCORE_TITLES[score],
                    spread(row.per_seed(f"{score}.aupr_band")),
                    spread(row.per_seed(f"{score}.auroc_band")),
                    spread(row.per_seed(f"{score}.review_benefit")),
                    f"{one.difference:+.3f}",
                    spread(row.per_seed(f"{score}.share_found")),
                    spread(row.per_seed(f"{score}.dice_after")),
                )
            )
    return Table(
        "Finding errors",
        (
            "model",
            "map",
            "AUPR band",
            "AUROC band",
            "review benefit",
            "to control's entropy",
            "found in 10 % of band",
            "Dice after",
        ),
        tuple(body),
        "Review benefit: 0 for a random order, 1 for the ideal one, with the volume of the band as budget. "
        "Each model is asked for its own errors.",
        text_columns=2,
    )


def has_regions(row: Row) -> bool:
    """Whether the review by regions was measured; measurements of earlier versions lack it."""
    return row.has(f"{COMPARED_SCORES[0]}.region_area")


def region_table(rows: Sequence[Row]) -> Table:
    """Guiding a reviewer who looks at regions one by one, by map."""
    figures = (
        ("regions", 1),
        ("region_share_found", 3),
        ("region_volume_ml", 2),
        ("region_dice_after", 3),
        ("region_area", 3),
        ("region_area_random", 3),
        ("region_area_oracle", 3),
    )
    body = [
        (
            row.name,
            SCORE_TITLES[score],
            *(spread(row.per_seed(f"{score}.{name}"), digits) for name, digits in figures),
        )
        for row in rows
        for score in COMPARED_SCORES
    ]
    first = f"first {FIRST_REGIONS}"
    return Table(
        "Review by regions",
        (
            "model",
            "map",
            "regions",
            f"found in {first}",
            f"mL of {first}",
            f"Dice after {first}",
            "area, by rank",
            "area, random",
            "area, ideal",
        ),
        tuple(body),
        f"Every map flags {FLAGGED_SHARE:.0%} as many voxels as the band has, in regions ranked by expected "
        "error. Found: share of all errors of the case. Area: mean share found after 1 to "
        f"{MOST_REGIONS} regions, by rank, in random order (expectation), and with the most errors first.",
        text_columns=2,
    )
