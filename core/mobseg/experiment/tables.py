"""The tables of the report, as plain rows of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mobseg.experiment import paper
from mobseg.experiment.rater_figures import SAMPLE_FIGURES
from mobseg.experiment.results import Row
from mobseg.experiment.review_tables import detection_table, has_regions, region_table
from mobseg.experiment.statistics import compare, holm
from mobseg.experiment.table import Table, over_cases, spread
from mobseg.metrics.selective import (
    area_under_generalised_risk_coverage,
    area_under_risk_coverage,
)


def result_tables(rows: Sequence[Row], control: Row) -> list[Table]:
    """All tables on one set of cases."""
    tables = [
        dice_table(rows, control),
        likelihood_table(rows, control),
        calibration_table(rows),
        detection_table(rows, control),
        case_table(rows),
    ]
    with_regions = [row for row in rows if has_regions(row)]
    if with_regions:
        tables.insert(4, region_table(with_regions))
    if any(row.has("raters.dice") for row in rows):
        tables.append(rater_table(rows))
    if any(row.has("samples.ged") for row in rows):
        tables.append(sample_table(rows, "samples"))
    learned = [row for row in rows if row.has("learned.ged") and row.defined("learned.ged").any()]
    if learned:
        tables.append(sample_table(learned, "learned"))
    return tables


def counts_table(counts: dict[str, int]) -> Table:
    """Table 1: cases, beside the paper's."""
    ours = ("this data set", *(str(counts.get(name, "-")) for name in ("train", "val", "test")))
    theirs = [(f"paper: {organ}", *map(str, numbers)) for organ, numbers in paper.SCANS.items()]
    return Table("Table 1: cases", ("", "train", "validation", "test"), (ours, *theirs))


def dice_table(rows: Sequence[Row], control: Row) -> Table:
    """Table 2: Dice, with the paired difference to the control."""
    compared = [compare(row.per_case("dice"), control.per_case("dice")) for row in rows]
    adjusted = holm([one.p for one in compared])
    body = [
        (
            row.name,
            str(row.n_seeds),
            spread(row.per_seed("dice")),
            over_cases(row.per_case("dice")),
            "control" if row is control else f"{one.difference:+.4f}",
            _p(p),
        )
        for row, one, p in zip(rows, compared, adjusted, strict=True)
    ]
    return Table(
        "Table 2: Dice",
        ("model", "seeds", "Dice", "over cases", "difference to control", "p (Holm)"),
        tuple(body),
        f"{len(control.cases)} cases. Dice: mean and standard deviation over seeds; over cases: the "
        "same over cases of the means over seeds. Difference and p: paired by case, Wilcoxon.",
    )


def likelihood_table(rows: Sequence[Row], control: Row) -> Table:
    """Table 3: negative log-likelihood."""
    compared = [compare(row.per_case("nll_band"), control.per_case("nll_band")) for row in rows]
    adjusted = holm([one.p for one in compared])
    body = [
        (
            row.name,
            spread(row.per_seed("nll"), 4),
            spread(row.per_seed("nll_band")),
            f"{one.difference:+.4f}",
            _p(p),
            spread(row.per_seed("nll_band_tempered")) if row.has("nll_band_tempered") else "-",
        )
        for row, one, p in zip(rows, compared, adjusted, strict=True)
    ]
    return Table(
        "Table 3: negative log-likelihood (nats a voxel)",
        ("model", "all voxels", "band", "band, difference", "p (Holm)", "band, temperature scaled"),
        tuple(body),
        "Against the reference; temperature scaled: by that of the validation cases, and where there are "
        "several raters against all of them, to be compared with the table of the raters.",
    )


def calibration_table(rows: Sequence[Row]) -> Table:
    """Table 4: calibration errors of the probability of the label that is shown."""
    domains = [("everywhere", "all"), ("band", "band"), ("raters_band", "raters, band")]
    domains = [pair for pair in domains if not np.isnan(rows[0].pooled(pair[0], "ece")).any()]
    errors = [("ece", "ECE"), ("mce", "MCE")]
    header = [f"{title} {where}" for _, where in domains for _, title in errors]
    body = [
        (
            row.name,
            *(spread(row.pooled(domain, error), 4) for domain, _ in domains for error, _ in errors),
            spread(row.pooled("everywhere", "ece_50_bins_l2"), 4),
            spread(row.pooled("tempered_band", "ece"), 4),
        )
        for row in rows
    ]
    return Table(
        "Table 4: calibration errors",
        ("model", *header, "authors' ECE, all", "ECE band, temperature scaled"),
        tuple(body),
        "15 bins, voxels of all cases together; MCE over bins of at least 100 voxels. Authors' variant: 50 "
        "bins, L2.",
    )


def case_table(rows: Sequence[Row]) -> Table:
    """Telling good cases from bad ones."""
    body = []
    for row in rows:
        figures = []
        for name, sign in (("predicted_dice", 1), ("expected_error_share", -1)):
            pairs = [_selective(run, name, sign) for run in _single_runs(row)]
            figures += [spread(np.array(values), 4) for values in zip(*pairs, strict=True)]
        body.append((row.name, *figures))
    header = ("model", "AURC", "AUGRC", "AURC", "AUGRC")
    return Table(
        "Finding bad cases (risk 1 - Dice; lower is better)",
        header,
        tuple(body),
        "First pair: confidence is the Dice that the model expects. Second pair: minus the expected error "
        "volume over the predicted volume.",
    )


def rater_table(rows: Sequence[Row]) -> Table:
    """Calibration against several raters, and finding where they disagree."""
    body = [
        (
            row.name,
            spread(row.per_seed("raters.dice")),
            spread(row.per_seed("raters.nll_band")),
            spread(row.per_seed("raters.brier_band"), 4),
            *(
                spread(row.per_seed(f"raters.{score}.disagreement_aupr"))
                for score in ("variance", "bernoulli_variance")
            ),
        )
        for row in rows
    ]
    return Table(
        "Against every rater",
        (
            "model",
            "Dice with a rater",
            "NLL band",
            "Brier band",
            "disagreement AUPR, variance",
            "disagreement AUPR, p (1 - p)",
        ),
        tuple(body),
        "Disagreement: voxels of the band on which the raters differ, found by each map.",
    )


_SAMPLE_NOTES = {
    "samples": "The noise of these samples is correlated over an assumed length.",
    "learned": "The noise of these samples has the correlation that the model learned; only cases that fit "
    "in one window.",
}


def sample_table(rows: Sequence[Row], kind: str) -> Table:
    """Samples of a kind, ``samples`` or ``learned``, against the raters."""
    cases = int(rows[0].defined(f"{kind}.ged").sum())
    title = "Samples against the raters"
    title += ", learned correlation" if kind == "learned" else ", assumed correlation"
    body = [
        (row.name, *(spread(row.per_seed(f"{kind}.{name}")) for name in SAMPLE_FIGURES))
        for row in rows
    ]
    return Table(
        title,
        (
            "model",
            "GED²",
            "sample-rater",
            "sample-sample",
            "rater-rater",
            "GED² with empty raters",
            "volume covered (90 %)",
            "width of interval",
        ),
        tuple(body),
        f"{cases} cases, d = 1 - IoU. {_SAMPLE_NOTES[kind]} Width of the interval: as a share of the "
        "raters' mean volume.",
    )


def paper_tables() -> list[Table]:
    """The paper's Tables 2 to 4."""
    organs = ("", *paper.ORGANS)
    dice = tuple((name, *values) for name, values in paper.DICE.items())
    nll = tuple((name, *values) for name, values in paper.NLL.items())
    calibration = tuple((name, *values) for name, values in paper.CALIBRATION.items())
    return [
        Table("Paper, Table 2: Dice (%)", organs, dice),
        Table("Paper, Table 3: negative log-likelihood", organs, nll),
        Table("Paper, Table 4: pancreas", ("", "ECE", "MCE"), calibration),
    ]


def _single_runs(row: Row) -> list[Row]:
    return [Row(row.name, (run,)) for run in row.runs]


def _selective(run: Row, confidence: str, sign: int) -> tuple[float, float]:
    risk, sureness = 1 - run.per_case("dice"), sign * run.per_case(confidence)
    # A case without any prediction has no expected Dice: it is the least sure.
    sureness = np.where(np.isfinite(sureness), sureness, -math.inf)
    known = np.isfinite(risk)
    return (
        area_under_risk_coverage(risk[known], sureness[known]),
        area_under_generalised_risk_coverage(risk[known], sureness[known]),
    )


def _p(value: float) -> str:
    if math.isnan(value):
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
