"""The tables that ``mobseg evaluate`` prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mobseg.metrics import CaseMetrics
from mobseg.metrics.band import DEFAULT_BAND_MM
from mobseg.metrics.score_metrics import BASELINE_SCORE, REVIEW_BUDGET
from mobseg.uncertainty import display_name

Statistics = Mapping[str, float | None]

_SCORE_COLUMNS = {
    "aupr_band": "AUPR, band",
    "auroc_band": "AUROC, band",
    "review_benefit": "review benefit",
    "share_found": "errors found",
    "dice_after": "Dice after",
}

_LEGEND = (
    f"Band: within {DEFAULT_BAND_MM:g} mm of a boundary of prediction or reference.\n"
    "Errors found, Dice after: by reviewing the voxels with the highest values of the map, as many as "
    f"{REVIEW_BUDGET:.0%} of the band.\n"
    "Review benefit: 0 for a random order of review, 1 for the ideal one, up to the size of the band."
)


def case_line(name: str, case: CaseMetrics) -> str:
    """One case in one line: Dice of every label, and how far its probabilities can be trusted."""
    dice = ", ".join(f"{_number(value)} {label}" for label, value in case.dice.items())
    ece = case.band.top_label.expected_error()
    return f"{name}  Dice {dice}; in the band: NLL {_number(case.band.nll)}, ECE {_number(ece)}"


def summary_tables(summary: Mapping[str, Any], *, is_stochastic: bool) -> str:
    """Mean and standard deviation over the cases of the figures that matter most.

    Args:
        summary: from :func:`mobseg.metrics.summarise`.
        is_stochastic: whether the models predict a variance; the maps are named accordingly.
    """
    per_case = summary["per_case"]
    n_cases = summary["n_cases"]
    return "\n\n".join(
        (
            f"Mean and standard deviation over {n_cases} case{'s' if n_cases > 1 else ''}",
            _labels_table(per_case),
            _domains_table(per_case),
            _scores_table(per_case["scores"], is_stochastic=is_stochastic),
            _LEGEND,
        )
    )


def _labels_table(per_case: Mapping[str, Any]) -> str:
    rows = [
        [name, _spread(dice), _spread(per_case["predicted_dice"][name]), str(dice["n"])]
        for name, dice in per_case["dice"].items()
    ]
    return _table(["label", "Dice", "Dice expected by model", "n"], rows)


def _domains_table(per_case: Mapping[str, Any]) -> str:
    domains = [per_case["everywhere"], per_case["band"]]
    rows = [
        ["share of errors", *(_spread(domain["error_share"]) for domain in domains)],
        ["NLL (nats)", *(_spread(domain["nll"]) for domain in domains)],
        ["Brier score", *(_spread(domain["brier"]) for domain in domains)],
        ["ECE, top label", *(_spread(domain["top_label"]["ece"]) for domain in domains)],
        ["MCE, top label", *(_spread(domain["top_label"]["mce"]) for domain in domains)],
    ]
    return _table(["probabilities", "all voxels", "band"], rows)


def _scores_table(scores: Mapping[str, Any], *, is_stochastic: bool) -> str:
    rows = [
        [_score_name(name, is_stochastic), *(_spread(score[key]) for key in _SCORE_COLUMNS)]
        for name, score in scores.items()
    ]
    return _table(["map", *_SCORE_COLUMNS.values()], rows)


def _score_name(name: str, is_stochastic: bool) -> str:
    return "p (1 - p)" if name == BASELINE_SCORE else display_name(name, is_stochastic)


def _spread(statistics: Statistics) -> str:
    mean, sd = statistics["mean"], statistics["sd"]
    return _number(mean) if sd is None else f"{_number(mean)} ± {_number(sd)}"


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3g}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in (header, *rows):
        numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *numbers]))
    return "\n".join(lines)
