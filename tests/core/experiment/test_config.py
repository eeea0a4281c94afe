"""Reading a configuration, and saying what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mobseg.errors import InvalidInput
from mobseg.experiment.config import read_config

CONFIG: dict[str, Any] = {
    "title": "Balls",
    "dataset": "Dataset901_Balls",
    "base": {"epochs": 1, "iterations": 2, "validation_iterations": 1, "learning_rate": 0.01},
    "finetune": {"epochs": 1, "iterations": 2, "validation_iterations": 1, "learning_rate": 0.001},
    "arms": [
        {"name": "control", "parameterisation": "deterministic", "objective": "marginal_nll"},
        {
            "name": "mob",
            "parameterisation": "mixture_of_bases",
            "objective": "expected_loss",
            "options": ["--bases", "2"],
            "seeds": [5],
        },
    ],
    "seeds": [0, 1],
    "cases": {
        "validation": {"images": "imagesTr", "labels": "labelsTr", "split": "splits_final.json"}
    },
}


def _write(tmp_path: Path, changes: dict[str, Any]) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG | changes))
    return path


def test_reads_everything_and_fills_in_defaults(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, {}))
    assert config.arm("mob").options == ("--bases", "2")
    assert config.seeds_of(config.arm("mob")) == (5,)
    assert config.seeds_of(config.arm("control")) == (0, 1)
    assert config.cases["validation"].split == "splits_final.json"
    assert (config.band_mm, config.samples, config.keep) == (10.0, 0, "best")
    assert config.base is not None
    assert config.base.batch_size is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": []}, "at least one arm"),
        ({"arms": [CONFIG["arms"][0]] * 2}, "two arms have one name"),
        ({"ensembles": ["mab"]}, "no arm 'mab'"),
        ({"slices": ["mab"]}, "no arm 'mab'"),
        ({"bases_figure": {"1": "mab"}}, "no arm 'mab'"),
        ({"bases_figure": {"one": "mob"}}, "'bases_figure' are not numbers"),
        ({"cases": {"test": CONFIG["cases"]["validation"]}}, "lack 'validation'"),
        ({"base": None}, "either 'base' or 'base_model'"),
        ({"base_model": "x"}, "either 'base' or 'base_model'"),
        ({"arms": [CONFIG["arms"][0] | {"name": "a/b"}]}, "'a/b' cannot be part"),
        ({"sedes": [1]}, "no field"),
        ({"band_mm": "wide"}, "band_mm"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_config(_write(tmp_path, changes))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing\.json cannot be read"):
        read_config(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted((Path(__file__).parents[3] / "experiments").glob("*/*.json"))
        if path.name != "card.json"
    ],
    ids=lambda path: path.name,
)
def test_the_configurations_of_the_project_can_be_read(path: Path) -> None:
    assert read_config(path).arms
