"""The report of an experiment from measurements whose right tables are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from mobseg import strict_json
from mobseg.experiment import figures
from mobseg.experiment.config import ExperimentConfig
from mobseg.experiment.region_figures import REGION_CURVES
from mobseg.experiment.report import write_report
from mobseg.experiment.results import Row
from mobseg.experiment.steps import Places
from mobseg.experiment.tables import (
    case_table,
    detection_table,
    dice_table,
    likelihood_table,
    paper_tables,
    spread,
)
from mobseg.metrics.region_review import MOST_REGIONS
from mobseg.metrics.score_metrics import COMPARED_SCORES, REVIEW_STEPS
from tests.core.experiment.test_config import CONFIG

CASES = [f"case{i}" for i in range(12)]


def measured(dice: float, nll: float = 0.3, benefit: float = 0.8, raters: bool = False) -> dict:
    """A measurement with the given means; cases differ, and their expected Dice ranks them rightly."""
    cases = {}
    for number, name in enumerate(CASES):
        figures = {
            "dice": dice + 0.01 * (number - 5.5),
            "predicted_dice": 0.5 + 0.01 * number,
            "expected_error_share": 0.5 - 0.01 * number,
            "nll": nll / 10,
            "nll_band": nll + 0.001 * number * dice,
            "nll_band_tempered": nll - 0.1,
        }
        for score in COMPARED_SCORES:
            for key in ("aupr_band", "auroc_band", "review_benefit", "share_found", "dice_after"):
                figures[f"{score}.{key}"] = benefit + 0.001 * number * dice
            for key in (
                "share_found",
                "dice_after",
                "volume_ml",
                "area",
                "area_random",
                "area_oracle",
            ):
                figures[f"{score}.region_{key}"] = benefit
            figures[f"{score}.regions"] = 4.0
        if raters:
            figures |= {"raters.dice": dice, "raters.nll_band": nll, "raters.brier_band": 0.1}
            for score in COMPARED_SCORES:
                figures[f"raters.{score}.disagreement_aupr"] = 0.4
        cases[name] = figures
    errors = {"ece": 0.02, "mce": 0.3, "ece_50_bins_l2": 0.05}
    curve = {"confidence": [0.1, 0.9], "hit_rate": [0.2, 0.8], "count": [5, 5]}
    found = {"found": REVIEW_STEPS.tolist(), "dice": REVIEW_STEPS.tolist()}
    domains = ("everywhere", "band", "tempered_band", *(("raters_band",) if raters else ()))
    review = dict.fromkeys((*COMPARED_SCORES, "oracle"), found)
    by_region = np.linspace(0, 1, MOST_REGIONS + 1).tolist()
    regions = dict.fromkeys(COMPARED_SCORES, dict.fromkeys(REGION_CURVES, by_region))
    return {
        "cases": cases,
        "pooled": dict.fromkeys(domains, errors),
        "reliability": {"band": curve, **({"raters_band": curve} if raters else {})},
        "region_review": regions,
        "review": {"steps": REVIEW_STEPS.tolist(), **review},
        "temperature": {"applied": 1.5, "best": 1.5},
    }


CONTROL = Row("control", (measured(0.70), measured(0.72)))
BETTER = Row("mob", (measured(0.75, nll=0.2, benefit=0.9), measured(0.77, nll=0.2, benefit=0.9)))


def test_dice_table_pairs_cases_and_corrects() -> None:
    table = dice_table([CONTROL, BETTER], CONTROL)
    control, better = (dict(zip(table.header, row, strict=True)) for row in table.rows)
    assert control["difference to control"] == "control"
    assert better["Dice"] == "0.760 ± 0.014"
    assert better["difference to control"] == "+0.0500"
    # All twelve cases are better: 2 / 2^12, and one test is corrected by nothing.
    assert better["p (Holm)"] == "< 0.001"
    assert "12 cases" in table.note


def test_likelihood_and_detection_show_the_difference_to_the_control() -> None:
    likelihood = likelihood_table([CONTROL, BETTER], CONTROL)
    assert dict(zip(likelihood.header, likelihood.rows[1], strict=True))[
        "band, difference"
    ].startswith("-0.09")
    detection = detection_table([CONTROL, BETTER], CONTROL)
    assert len(detection.rows) == 2 * len(COMPARED_SCORES)
    last = dict(zip(detection.header, detection.rows[-1], strict=True))
    assert last["to control's entropy"] == "+0.100"


def test_case_table_is_that_of_the_selective_metrics() -> None:
    perfect = case_table([CONTROL]).rows[0]
    # Both confidences rank these cases as the Dice does.
    assert perfect[1] == perfect[3]
    assert perfect[2] == perfect[4]


def test_spread_of_one_and_of_nothing() -> None:
    assert spread(np.array([0.5])) == "0.500"
    assert spread(np.array([0.5, np.nan])) == "-"
    assert spread(np.array([])) == "-"


def test_the_papers_tables_are_those_of_the_paper() -> None:
    dice, nll, calibration = paper_tables()
    assert {row[0]: row[1] for row in dice.rows}["Mixture-of-Bases"] == "84.91 ± 0.32"
    assert {row[0]: row[3] for row in nll.rows}["Diagonal + Low-rank"] == "0.28 ± 0.03"
    assert {row[0]: row[2] for row in calibration.rows}["Deterministic"] == "0.432 ± 0.1"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(*(tmp_path / name for name in ("raw", "pre", "res", "out", "conf")))
    places.preprocessed.mkdir()
    split = [{"train": ["a", "b"], "val": CASES}]
    (places.preprocessed / "splits_final.json").write_text(json.dumps(split))
    return places


def _write(places: Places, contents: dict[str, dict]) -> None:
    for name, content in contents.items():
        path = places.measurement("validation", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


def test_report_holds_tables_figures_and_the_cases(places: Places) -> None:
    runs = {"base": measured(0.7, raters=True), "mob-seed5": measured(0.75, raters=True)}
    runs |= {f"control-seed{seed}": measured(0.71, raters=True) for seed in (0, 1)}
    _write(places, runs)
    files = write_report(strict_json.decode(ExperimentConfig, CONFIG), places)
    markdown, html = (places.output / f"report.{ending}" for ending in ("md", "html"))
    assert files[:2] == [markdown, html]
    text = markdown.read_text()
    assert "| this data set | 2 | 12 | - |" in text
    assert "| mob | 1 | 0.750 |" in text
    assert "| Mixture-of-Bases | 84.91 ± 0.32 |" in text
    assert "Against every rater" in text
    for line in text.splitlines():
        if line.startswith("!["):
            picture = places.output / line.split("(")[-1].rstrip(")")
            assert picture.read_bytes().startswith(b"\x89PNG")
    page = html.read_text()
    assert page.count("<table") == sum(line.startswith("|---|") for line in text.splitlines())
    assert "data:image/png;base64," in page
    assert len((places.output / "per_case_validation.csv").read_text().splitlines()) == 1 + 4 * 12


def test_regions_are_a_table_and_a_figure_where_they_were_measured(places: Places) -> None:
    old = measured(0.7)
    del old["region_review"]
    for case in old["cases"].values():
        for name in [name for name in case if ".region" in name]:
            del case[name]
    _write(places, {"base": old, "control-seed0": measured(0.7), "control-seed1": measured(0.8)})
    write_report(strict_json.decode(ExperimentConfig, CONFIG), places)
    text = (places.output / "report.md").read_text()
    section = text.split("### Review by regions")[1].split("###")[0]
    assert "| control | variance | 4.0 ± 0.0 | 0.800 ± 0.000 |" in section
    assert "| base |" not in section
    assert "(figures/regions_validation_control.png)" in text


def test_addresses_of_figures_have_no_spaces(places: Places) -> None:
    runs = {f"control-seed{seed}": measured(0.7 + 0.1 * seed) for seed in (0, 1)}
    fitted = {f"{run}-constant-by-distance": content for run, content in runs.items()}
    _write(places, {"base": measured(0.7), **runs, **fitted})
    config = CONFIG | {"constant_by_distance": ["control"]}
    write_report(strict_json.decode(ExperimentConfig, config), places)
    name = "review_validation_control-constant-variance-by-distance.png"
    assert f"(figures/{name})" in (places.output / "report.md").read_text()
    assert (places.output / "figures" / name).exists()


def test_figure_4_and_slices_are_shown_where_they_are_there(places: Places) -> None:
    bases = {"1": "control", "2": "mob", "3": "more"}
    more = {"name": "more", "parameterisation": "mixture_of_bases", "objective": "expected_loss"}
    changes = {"bases_figure": bases, "slices": ["mob"], "arms": [*CONFIG["arms"], more]}
    config = strict_json.decode(ExperimentConfig, CONFIG | changes)
    runs = {f"control-seed{seed}": measured(0.7 + seed / 10) for seed in (0, 1)}
    _write(places, runs | {"mob-seed5": measured(0.9)})
    write_report(config, places)
    text = (places.output / "report.md").read_text()
    assert "(figures/bases_validation.png)" in text
    assert "slices" not in text
    places.slices("mob-seed5").write_bytes(
        (places.output / "figures/bases_validation.png").read_bytes()
    )
    write_report(config, places)
    assert "(figures/slices_mob-seed5.png)" in (places.output / "report.md").read_text()


def test_figure_4_shows_means_and_deviations_over_seeds(tmp_path: Path) -> None:
    axes = Figure().add_subplot()
    bases = {3: Row("three", (measured(0.8), measured(0.9))), 1: Row("one", (measured(0.7),))}
    figures.paint_dice_by_bases(axes, bases, CONTROL)
    line, *_ = axes.containers[0].lines
    np.testing.assert_allclose(line.get_ydata().astype(float), [0.7, 0.85])
    (bars,) = axes.containers[0].lines[2]
    half = np.std([0.8, 0.9], ddof=1)
    np.testing.assert_allclose(bars.get_segments()[1], [[3, 0.85 - half], [3, 0.85 + half]])


def test_an_unfinished_experiment_has_a_report_too(places: Places) -> None:
    _write(places, {"base": measured(0.7)})
    write_report(strict_json.decode(ExperimentConfig, CONFIG), places)
    text = (places.output / "report.md").read_text()
    assert "| base | 1 | 0.700 |" in text
    assert "mob" not in text
