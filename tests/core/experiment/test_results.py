"""Figures over cases and seeds, with what is undefined or not there."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from mobseg import strict_json
from mobseg.experiment.config import ExperimentConfig
from mobseg.experiment.results import Row, read_results, write_per_case
from mobseg.experiment.steps import Places
from tests.core.experiment.test_config import CONFIG


def run(dice: dict[str, float | None], ece: float | None = 0.1) -> dict:
    return {
        "cases": {name: {"dice": value} for name, value in dice.items()},
        "pooled": {"band": {"ece": ece}},
    }


ROW = Row("mob", (run({"a": 0.5, "b": 0.9}), run({"a": 0.7, "b": None})))


def test_means_over_cases_and_seeds() -> None:
    np.testing.assert_allclose(ROW.per_seed("dice"), [0.7, 0.7])
    np.testing.assert_allclose(ROW.per_case("dice"), [0.6, math.nan])
    np.testing.assert_array_equal(ROW.defined("dice"), [True, False])
    assert ROW.n_seeds == 2
    assert ROW.cases == ["a", "b"]


def test_what_was_not_measured_is_nan() -> None:
    np.testing.assert_allclose(ROW.pooled("band", "ece"), [0.1, 0.1])
    assert np.isnan(ROW.pooled("raters_band", "ece")).all()
    assert np.isnan(Row("x", (run({"a": 1.0}, ece=None),)).pooled("band", "ece")).all()
    assert ROW.has("dice")
    assert not ROW.has("raters.dice")


def test_seeds_that_are_not_there_yet_are_left_out(tmp_path: Path) -> None:
    places = Places(*(tmp_path / name for name in ("raw", "pre", "res", "out", "conf")))
    folder = places.measurement("validation", "x").parent
    folder.mkdir(parents=True)
    for name, dice in (("base", 0.4), ("control-seed1", 0.6), ("mob-seed5", 0.8)):
        (folder / f"{name}.json").write_text(json.dumps(run({"a": dice})))
    config = strict_json.decode(ExperimentConfig, CONFIG)
    rows = read_results(config, places, "validation")
    assert [(row.name, row.n_seeds) for row in rows] == [("base", 1), ("control", 1), ("mob", 1)]
    assert rows[2].per_seed("dice") == pytest.approx([0.8])


def test_every_figure_of_every_case_is_written(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    write_per_case([ROW], path)
    rows = list(csv.DictReader(path.open()))
    assert len(rows) == 4
    assert rows[1] == {"model": "mob", "run": "0", "case": "b", "dice": "0.9"}
    assert rows[3]["dice"] == ""
