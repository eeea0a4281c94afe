from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mobseg.cli.main import main
from mobseg.errors import GeometryMismatch, InvalidInput, OutputError
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import write_label_volume
from mobseg.metrics import ReviewCurve
from mobseg.prediction import RunRecord
from mobseg.prediction_folder import ThresholdRecord, write_prediction_folder
from mobseg.volume import LabelVolume
from tests.core.metrics.cases import GEOMETRY, GLAND, LUMP, missed_lump


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Two predictions, one of which misses the lump, and a folder with their references."""
    root = tmp_path_factory.mktemp("stored")
    (root / "references").mkdir()
    maps, reference = missed_lump()
    truths = {"missed": reference, "perfect": LabelVolume(maps.labels, GEOMETRY)}
    for name, truth in truths.items():
        write_prediction_folder(
            root / name,
            maps,
            (),
            RunRecord(model={}, options={}, input={}, versions={}, seconds_by_stage={}),
            threshold=ThresholdRecord("variance", 0.02, "For the test."),
        )
        write_label_volume(truth, root / "references" / f"{name}.nii.gz")
    return root


def evaluate(*arguments):
    return main(["evaluate", *(str(argument) for argument in arguments)])


def test_tables_and_json_hold_the_metrics(stored, tmp_path, capsys):
    output = tmp_path / "metrics.json"
    predictions = stored / "missed", stored / "perfect"
    assert evaluate(*predictions, "--reference", stored / "references", "-o", output) == 0

    dice = 2 * GLAND.sum() / (2 * GLAND.sum() + LUMP.sum())
    printed = capsys.readouterr().out
    assert f"missed   Dice {dice:.3g} gland" in printed
    assert "perfect  Dice 1 gland" in printed
    assert "over 2 cases" in printed

    written = json.loads(output.read_text())
    assert [case["name"] for case in written["cases"]] == ["missed", "perfect"]
    assert written["cases"][0]["dice"]["gland"] == pytest.approx(dice)
    assert written["cases"][0]["scores"]["variance"]["aupr"] == 1.0
    assert written["cases"][1]["scores"]["variance"]["aupr"] is None
    assert written["is_stochastic"] is True
    summary = written["summary"]
    assert summary["per_case"]["dice"]["gland"]["mean"] == pytest.approx((dice + 1) / 2)
    curve = ReviewCurve.from_dict(summary["review_curves"]["variance"])
    caught = curve.lookup(curve.recommended_threshold())
    assert caught.share_caught == 1.0
    assert caught.review_ml == pytest.approx(LUMP.sum() * 2 / 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_other_labels_of_the_reference_need_a_map(stored, tmp_path, capsys):
    values = np.where(GLAND, 3, np.where(LUMP, 4, 9)).astype(np.uint8)
    values[:3] = 0
    reference = tmp_path / "all_organs.nii.gz"
    write_label_volume(LabelVolume(values, GEOMETRY), reference)

    assert evaluate(stored / "missed", "--reference", reference) == InvalidInput.exit_code
    assert "does not have (3, 4, 9)" in capsys.readouterr().err

    assert evaluate(stored / "missed", "--reference", reference, "--map", "gland=3") == 0
    assert "Dice 1 gland" in capsys.readouterr().out
    assert evaluate(stored / "missed", "--reference", reference, "--map", "gland=3,4") == 0
    dice = 2 * GLAND.sum() / (2 * GLAND.sum() + LUMP.sum())
    assert f"Dice {dice:.3g} gland" in capsys.readouterr().out


def test_a_reference_on_another_grid_is_refused_and_nothing_is_written(stored, tmp_path, capsys):
    shifted = VolumeGeometry(GEOMETRY.shape_kji, GEOMETRY.ijk_to_ras_mm + np.eye(4, k=3))
    reference = tmp_path / "shifted.nii.gz"
    write_label_volume(LabelVolume(GLAND.astype(np.uint8) * 5, shifted), reference)
    output = tmp_path / "metrics.json"
    code = evaluate(stored / "missed", "--reference", reference, "-o", output)
    assert code == GeometryMismatch.exit_code
    assert "another grid" in capsys.readouterr().err
    assert not output.exists()


def test_an_impossible_output_is_refused_before_anything_is_read(stored, tmp_path, capsys):
    (tmp_path / "not_an_image.nii.gz").touch()
    for output in (tmp_path, tmp_path / "missing" / "metrics.json"):
        arguments = ("--reference", tmp_path / "not_an_image.nii.gz", "-o", output)
        assert evaluate(stored / "missed", *arguments) == OutputError.exit_code
        assert "existing folder" in capsys.readouterr().err


def test_a_malformed_map_is_a_usage_error(stored, capsys):
    with pytest.raises(SystemExit) as exit_info:
        evaluate(stored / "missed", "--reference", stored / "references", "--map", "gland")
    assert exit_info.value.code == 2
    assert "such as parotid_gland=3,4" in capsys.readouterr().err


def test_a_deterministic_prediction_is_not_shown_as_having_a_variance(stored, tmp_path, capsys):
    maps, reference = missed_lump()
    write_prediction_folder(
        tmp_path / "deterministic",
        dataclasses.replace(maps, is_stochastic=False),
        (),
        RunRecord(model={}, options={}, input={}, versions={}, seconds_by_stage={}),
        threshold=ThresholdRecord("entropy", 0.3, "For the test."),
    )
    write_label_volume(reference, tmp_path / "reference.nii.gz")
    assert evaluate(tmp_path / "deterministic", "--reference", tmp_path / "reference.nii.gz") == 0
    printed = capsys.readouterr().out
    assert "Disagreement (variance between passes)" in printed
    assert "Variance of the probability" not in printed
