from __future__ import annotations

import pytest

from mobseg.cli.evaluation_tables import case_line, summary_tables
from mobseg.metrics import evaluate_case, summarise
from mobseg.volume import LabelVolume
from tests.core.metrics.cases import GEOMETRY, missed_lump, random_two_labels


@pytest.fixture(scope="module")
def cases():
    return [evaluate_case(*random_two_labels(seed)) for seed in (0, 1)]


def row(tables, start):
    (line,) = [line for line in tables.splitlines() if line.startswith(start)]
    return [cell.strip() for cell in line[len(start) :].split("  ") if cell.strip()]


def test_a_case_names_the_dice_of_every_label(cases):
    line = case_line("case", cases[0])
    assert f"{cases[0].dice['gland']:.3g} gland" in line
    assert f"{cases[0].dice['duct']:.3g} duct" in line
    assert f"NLL {cases[0].band.nll:.3g}" in line


def test_the_tables_show_mean_and_deviation(cases):
    summary = summarise(cases)
    tables = summary_tables(summary, is_stochastic=True)
    assert tables.startswith("Mean and standard deviation over 2 cases\n")

    dice = summary["per_case"]["dice"]["gland"]
    assert f"{dice['mean']:.3g} ± {dice['sd']:.3g}" in row(tables, "gland")
    nll = summary["per_case"]["band"]["nll"]
    assert row(tables, "NLL (nats)")[-1] == f"{nll['mean']:.3g} ± {nll['sd']:.3g}"
    aupr = summary["per_case"]["scores"]["variance"]["aupr_band"]["mean"]
    assert row(tables, "Variance of the probability")[0].startswith(f"{aupr:.3g} ±")


def test_columns_are_aligned(cases):
    for table in summary_tables(summarise(cases), is_stochastic=True).split("\n\n")[1:-1]:
        assert len({len(line) for line in table.splitlines()}) == 1


def test_one_case_has_no_deviation_and_undefined_figures_are_dashes():
    maps, _ = missed_lump()
    perfect = evaluate_case(maps, LabelVolume(maps.labels, GEOMETRY))
    tables = summary_tables(summarise([perfect]), is_stochastic=True)
    assert "over 1 case\n" in tables
    assert "±" not in tables
    assert row(tables, "p (1 - p)") == ["-", "-", "-", "-", "1"]
