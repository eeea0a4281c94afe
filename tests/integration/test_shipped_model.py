"""The model and the CT that ship with the project, together, against stock nnU-Net and the reference."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from mobseg.bundle.layout import RESOURCES
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.overlap import dice
from mobseg.metrics.review import ReviewCurve
from mobseg.model import LoadedModel, load_model
from mobseg.options import SegmentOptions
from mobseg.orientation import reorient
from mobseg.pipeline import Segmentation, segment_volume
from mobseg.progress import SilentProgress

SAMPLE = RESOURCES / "sample" / "ct.nii.gz"
QUIET = SilentProgress()
EXACT = SegmentOptions(precision="float32", engine="torch")

needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None, reason="OpenVINO is not installed"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOBSEG_HOME", str(tmp_path_factory.mktemp("home")))
        return load_model()


@pytest.fixture(scope="module")
def segmentation(model: LoadedModel) -> Segmentation:
    return segment_volume(read_scalar_volume(SAMPLE).volume, model, EXACT, QUIET)


def test_the_label_map_is_stock_nnunets(model: LoadedModel, tmp_path: Path) -> None:
    """On a real CT; stock nnU-Net runs the same folder and sees the mean of the logits.

    It knows no body, so the model is run on the whole image here.
    """
    assert model.metadata is not None
    everywhere = dataclasses.replace(model.metadata, crop_to_body=False)
    folder = dataclasses.replace(model.folder, metadata=everywhere)
    uncropped = dataclasses.replace(model, folder=folder)
    volume = read_scalar_volume(SAMPLE).volume
    maps = segment_volume(volume, uncropped, EXACT, QUIET).maps.dense()
    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(model.folder.path), (0,))
    predictor.predict_from_files_sequential(
        [[str(SAMPLE)]], [str(tmp_path / "stock")], save_probabilities=False, overwrite=True
    )
    expected = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "stock.nii.gz")))
    differs = maps.labels != expected
    assert expected.any()
    assert differs.mean() < 1e-4
    # Only rounding to float16 in stock nnU-Net decides them.
    undecided = np.abs(maps.probability_mean[0] - 0.5)
    assert undecided[differs].max(initial=0) < 5e-3


def test_it_finds_the_parotid_glands(segmentation: Segmentation) -> None:
    reference = read_label_volume(SAMPLE.with_name("reference.nii.gz"))
    assert dice(segmentation.maps.labels == 1, reference.array == 1) > 0.8


def test_its_regions_hold_most_errors(segmentation: Segmentation) -> None:
    """Flagged voxels are far richer in errors than the rest."""
    reference = read_label_volume(SAMPLE.with_name("reference.nii.gz")).array
    errors = segmentation.maps.labels != reference
    p = segmentation.maps.probability_mean[0].dense()
    flagged = np.minimum(p, 1 - p) >= segmentation.threshold.value
    assert errors[flagged].sum() > 0.5 * errors.sum()
    assert errors[flagged].mean() > 100 * errors[~flagged].mean()
    assert 5 < len(segmentation.regions) < 100


def test_the_result_follows_the_patient_not_the_file(
    model: LoadedModel, segmentation: Segmentation
) -> None:
    turned, back = reorient(read_scalar_volume(SAMPLE).volume, "RAI")
    result = segment_volume(turned, model, EXACT, QUIET)
    assert np.array_equal(back.undo(result.maps.labels), segmentation.maps.labels)


def test_the_bundle_is_small_and_says_what_it_is(model: LoadedModel) -> None:
    bundle = next((RESOURCES / "models").glob("*.zip"))
    assert bundle.stat().st_size <= 16 * 2**20
    assert model.parameterisation == "mixture_of_bases"
    metadata = model.metadata
    assert metadata is not None
    assert "Not a medical device" in metadata.intended_use
    assert set(metadata.metrics["test"]) == {"base", "deterministic_ft", "mob"}
    assert metadata.metrics["validation"]["n_cases"] == metadata.training_data.n_validation
    curve = ReviewCurve.from_dict(metadata.review_curve or {})
    expectation = curve.lookup(metadata.recommended_threshold or 0.0)
    assert curve.score == metadata.score_map
    assert expectation.share_caught == pytest.approx(0.5, abs=0.02)


@needs_openvino
def test_openvino_gives_the_same_in_float32(model: LoadedModel, segmentation: Segmentation) -> None:
    volume = read_scalar_volume(SAMPLE).volume
    result = segment_volume(volume, model, dataclasses.replace(EXACT, engine="openvino"), QUIET)
    assert result.record.options["engine"] == "openvino"
    assert (result.maps.labels == segmentation.maps.labels).mean() >= 0.9999
    for field in ("probability_mean", "probability_variance"):
        first, second = (getattr(one.maps, field)[0].dense() for one in (result, segmentation))
        difference = np.abs(first - second)[result.maps.labels == segmentation.maps.labels]
        assert difference.max() <= 1e-3


@pytest.mark.parametrize("engine", ["torch", pytest.param("openvino", marks=needs_openvino)])
def test_reduced_precision_gives_the_same_labels_and_review(
    model: LoadedModel, segmentation: Segmentation, engine: str
) -> None:
    """The small form of the table in docs/performance.md."""
    volume = read_scalar_volume(SAMPLE).volume
    options = SegmentOptions(precision="bfloat16", engine=engine)
    reduced = segment_volume(volume, model, options, QUIET)
    assert reduced.record.options["engine"] == engine
    truth = read_label_volume(SAMPLE.with_name("reference.nii.gz")).array
    assert (reduced.maps.labels == segmentation.maps.labels).mean() >= 0.9999
    for maps in (reduced.maps, segmentation.maps):
        assert maps.labels.any()
    difference = dice(reduced.maps.labels == 1, truth == 1) - dice(
        segmentation.maps.labels == 1, truth == 1
    )
    assert abs(difference) < 0.005
    # The worst voxels of the 12 validation cases differ by 0.117 and 0.078: where the outline moves by a
    # voxel, the distance to it and with it the size of the variance change.
    for field, tolerance in (("probability_mean", 0.15), ("probability_variance", 0.1)):
        first, second = (getattr(one.maps, field)[0].dense() for one in (reduced, segmentation))
        assert 0 < np.abs(first - second).max() < tolerance
    flagged = [
        sum(region.volume_mm3 for region in result.regions) for result in (reduced, segmentation)
    ]
    assert flagged[0] == pytest.approx(flagged[1], rel=0.05)
