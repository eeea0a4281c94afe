"""The nodule model and the chest CT that ship with the project, against four radiologists."""

from __future__ import annotations

import numpy as np
import pytest

from mobseg.bundle.layout import RESOURCES
from mobseg.errors import InvalidInput
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.overlap import dice
from mobseg.metrics.review import ReviewCurve
from mobseg.model import LoadedModel, load_model
from mobseg.options import SegmentOptions
from mobseg.pipeline import Segmentation, segment_volume
from mobseg.progress import SilentProgress

SAMPLE = RESOURCES / "sample_chest"
MODEL = "lung-nodule-lowrank-v1"
REGION_RAS_MM = (-77.0, -36.0, -108.0, -61.0, -131.0, -101.0)
QUIET = SilentProgress()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOBSEG_HOME", str(tmp_path_factory.mktemp("home")))
        return load_model(MODEL, device="cpu")


@pytest.fixture(scope="module")
def segmentation(model: LoadedModel) -> Segmentation:
    volume = read_scalar_volume(SAMPLE / "ct.nii.gz").volume
    return segment_volume(
        volume, model, SegmentOptions(roi_ras_mm=REGION_RAS_MM, samples=16), QUIET
    )


def _raters() -> list[np.ndarray]:
    bits = read_label_volume(SAMPLE / "raters.nii.gz").array
    return [(bits & (1 << number)) > 0 for number in range(4)]


def test_the_consensus_is_of_at_least_two_of_the_raters() -> None:
    consensus = read_label_volume(SAMPLE / "reference.nii.gz").array
    np.testing.assert_array_equal(consensus, np.sum(_raters(), axis=0) >= 2)


def test_it_outlines_the_nodule_about_as_well_as_a_rater(segmentation: Segmentation) -> None:
    consensus = read_label_volume(SAMPLE / "reference.nii.gz").array > 0
    assert dice(segmentation.maps.labels > 0, consensus) > 0.85


def test_the_sampled_volumes_hold_those_of_the_raters(segmentation: Segmentation) -> None:
    volumes = [np.count_nonzero(sample) for sample in segmentation.samples]
    low, high = np.quantile(volumes, (0.05, 0.95))
    inside = [low <= np.count_nonzero(rater) <= high for rater in _raters()]
    assert sum(inside) >= 3


def test_it_refuses_a_whole_ct(model: LoadedModel) -> None:
    volume = read_scalar_volume(SAMPLE / "ct.nii.gz").volume
    with pytest.raises(InvalidInput, match="--roi"):
        segment_volume(volume, model, SegmentOptions(), QUIET)


def test_its_threshold_is_that_of_its_review_curve(model: LoadedModel) -> None:
    metadata = model.metadata
    assert metadata is not None
    assert metadata.review_curve is not None
    curve = ReviewCurve.from_dict(metadata.review_curve)
    assert metadata.recommended_threshold == curve.recommended_threshold()
    assert curve.lookup(metadata.recommended_threshold).share_caught >= 0.8
    # Nominal: 0.9. Rather a little too wide than too narrow.
    assert 0.88 < metadata.metrics["test"]["volume_interval"]["raters_covered"] < 0.96
