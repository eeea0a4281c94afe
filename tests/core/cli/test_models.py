from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from mobseg.bundle import catalogue
from mobseg.bundle.folder import open_model_folder
from mobseg.bundle.metadata import BundleMetadata, TrainingData
from mobseg.bundle.packing import pack_bundle
from mobseg.cli.models import ModelsCommand
from mobseg.errors import BundleError
from tests.support.model_factory import make_model_folder


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBSEG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalogue, "SHIPPED_FOLDER", tmp_path / "shipped")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    model = open_model_folder(make_model_folder(tmp_path / "model"))
    metadata = BundleMetadata(
        id="demo",
        name="Demo",
        version="2.0",
        parameterisation="mixture_of_bases",
        labels=model.label_table,
        training_orientation=None,
        intended_use="Research on tests.",
        limits="No patients.",
        training_data=TrainingData("Random CT", "Nobody 2026", "CC0-1.0", 60, 10, 13),
        licence="Apache-2.0",
        metrics={"test": {"dice": {"mean": 0.81234567, "n": 13}}},
        score_map="variance",
        review_curve=None,
        recommended_threshold=None,
        requires_roi=False,
        created="2026-01-31",
    )
    pack_bundle(model, metadata, tmp_path / "demo.zip")
    return tmp_path / "demo.zip"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    ModelsCommand.configure(parser)
    return ModelsCommand.from_arguments(parser.parse_args(arguments)).run()


def test_import_list_info_verify_remove(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    assert "No models are installed" in capsys.readouterr().out

    assert run("import", str(bundle)) == 0
    assert '"--model demo"' in capsys.readouterr().out

    assert run("list") == 0
    listed = capsys.readouterr().out
    assert "Demo, version 2.0" in listed
    assert "Research on tests." in listed
    assert "Random CT (60 training, 10 validation and 13 test cases)" in listed

    assert run("info", "demo") == 0
    info = capsys.readouterr().out
    assert "No patients." in info
    assert "0.812 (test)" in info
    assert "threshold not measured" in info

    assert run("verify", "demo") == 0
    assert run("remove", "demo") == 0
    with pytest.raises(BundleError, match='no model "demo"'):
        run("info", "demo")


def test_json_is_complete(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("import", str(bundle))
    capsys.readouterr()
    run("list", "--json")
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["id"], listed["origin"], listed["problem"]) == ("demo", "user", None)
    assert listed["metadata"]["training_data"]["n_test"] == 13

    run("info", "demo", "--json")
    info = json.loads(capsys.readouterr().out)
    assert info["spacing_mm"] == [1.5, 1.5, 1.5]
    assert info["labels"][0]["name"] == "organ_1"
    assert len(info["sha256"]) == 64


def test_a_plain_model_says_what_it_is(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("info", str(bundle.with_name("model")))
    assert "plain nnU-Net model" in capsys.readouterr().out


def test_text_is_wrapped_to_the_terminal(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", str(bundle))
    capsys.readouterr()
    monkeypatch.setenv("COLUMNS", "60")
    run("list")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60
