from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from MoBSegmentationLib.threshold_words import describe_threshold

from mobseg.metrics.review import ReviewCurve
from mobseg.regions import flag_regions
from tests.core.regions.test_flagging import noisy_maps

CURVE = ReviewCurve(
    score="variance",
    thresholds=np.array([0.01, 0.1, 0.2]),
    caught_mm3=np.array([900.0, 820.0, 100.0]),
    review_mm3=np.array([5000.0, 3000.0, 100.0]),
    review_voxels=np.array([50.0, 30.0, 1.0]),
    error_mm3=1000.0,
    n_cases=12,
)


@pytest.fixture
def regions():
    return flag_regions(noisy_maps(), "variance", 0.1)


def test_words(regions) -> None:
    one = dataclasses.replace(regions[0], volume_mm3=3140.0)
    assert describe_threshold(0.1, [one], CURVE.to_dict()) == (
        "1 region, 3.1 mL to look at; on 12 validation cases this threshold caught 82 % of the error volume."
    )


def test_volumes_are_added_up(regions) -> None:
    volume_ml = sum(region.volume_mm3 for region in regions) / 1000
    assert f"{len(regions)} regions, {volume_ml:.1f} mL" in describe_threshold(0.1, regions, None)


@pytest.mark.parametrize("curve", [None, {}, CURVE.to_dict() | {"n_cases": 0}])
def test_what_was_not_measured_is_not_claimed(regions, curve) -> None:
    words = describe_threshold(0.1, regions, curve)
    assert "not measured" in words
    assert "%" not in words
