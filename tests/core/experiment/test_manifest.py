"""The record of an experiment."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from mobseg import strict_json
from mobseg.experiment.config import ExperimentConfig
from mobseg.experiment.manifest import Manifest, data_hashes
from mobseg.experiment.steps import Places, Step
from tests.core.experiment.test_config import CONFIG


@pytest.fixture
def places(tmp_path: Path) -> Places:
    names = ("raw/D", "pre/D", "res/D", "out", "conf")
    folders = [tmp_path / name for name in names]
    for folder in folders:
        folder.mkdir(parents=True)
    (folders[0] / "a.txt").write_text("image")
    (folders[1] / "splits_final.json").write_text("[]")
    return Places(*folders)


def _content(places: Places) -> dict:
    return json.loads((places.output / "manifest.json").read_text())


def _manifest(places: Places) -> Manifest:
    return Manifest(strict_json.decode(ExperimentConfig, CONFIG), places)


def test_config_data_and_software_are_kept(places: Places) -> None:
    _manifest(places)
    content = _content(places)
    assert content["config"]["arms"][1]["options"] == ["--bases", "2"]
    assert content["data"]["files"] == 1
    assert content["data"]["split_sha256"] == hashlib.sha256(b"[]").hexdigest()
    assert content["software"]["torch"].startswith("2.")


def test_data_hash_sees_names_and_contents(places: Places) -> None:
    first = data_hashes(places)["sha256"]
    (places.raw / "a.txt").write_text("other")
    second = data_hashes(places)["sha256"]
    (places.raw / "a.txt").rename(places.raw / "b.txt")
    assert len({first, second, data_hashes(places)["sha256"]}) == 3


def test_commands_hold_no_path_of_this_machine(places: Places, tmp_path: Path) -> None:
    manifest = _manifest(places)
    arguments = ("measure", str(places.results / "M"), "-o", str(places.output / "m.json"))
    manifest.add(Step("measure M", arguments, places.output / "m.json"), 0, 1.23)
    text = (places.output / "manifest.json").read_text()
    assert str(tmp_path) not in text
    step = _content(places)["steps"]["measure M"]
    assert step["command"] == "mobseg measure $nnUNet_results/D/M -o $OUT/m.json"
    assert (step["exit_code"], step["seconds"]) == (0, 1.2)


def test_a_resumed_step_keeps_the_time_of_both_runs(places: Places) -> None:
    step = Step("train base", ("train",), places.output / "x")
    _manifest(places).add(step, 130, 10.0)
    _manifest(places).add(step, 0, 5.0)
    assert _content(places)["steps"]["train base"] == {
        "command": "mobseg train",
        "exit_code": 0,
        "seconds": 15.0,
    }
