from __future__ import annotations

import pytest

from mobseg.errors import InvalidInput
from mobseg.options import SegmentOptions


def test_limits_are_inclusive():
    SegmentOptions(threshold=0.0, step=1.0, samples=0, seed=0, roi_ras_mm=(-1, 1, -2, 2, -3, 3))


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": -0.1},
        {"threshold": float("nan")},
        {"threshold": float("inf")},
        {"step": 0.0},
        {"step": 1.01},
        {"step": float("nan")},
        {"samples": -1},
        {"seed": -1},
        {"precision": "float16"},
        {"engine": "tensorrt"},
        {"roi_ras_mm": (0, 0, 0, 1, 0, 1)},
        {"roi_ras_mm": (0, 1, 2, 1, 0, 1)},
        {"roi_ras_mm": (0, 1, 0, 1, 0, float("inf"))},
        {"roi_ras_mm": (0, 1, 0, 1, float("nan"), 1)},
    ],
)
def test_values_out_of_range_are_refused(fields):
    with pytest.raises(InvalidInput):
        SegmentOptions(**fields)
