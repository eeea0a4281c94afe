from __future__ import annotations

import numpy as np
import pytest

from mobseg.geometry import VolumeGeometry
from mobseg.labels import Label, LabelTable
from mobseg.prediction import PredictionMaps, RunRecord
from mobseg.prediction_folder import ThresholdRecord
from mobseg.regions import FlaggedRegion
from mobseg.summary import StructureVolume, summarise

SHAPE = (3, 4, 5)


def make_maps(labels):
    geometry = VolumeGeometry(SHAPE, np.diag([2.0, 1.0, 0.5, 1.0]))
    table = LabelTable(
        (Label(1, "a", (255, 0, 0)), Label(7, "b", (0, 255, 0)), Label(3, "c", (0, 0, 255)))
    )
    flat = np.zeros(SHAPE, np.float32)
    per_class = np.zeros((3, *SHAPE), np.float32)
    return PredictionMaps(
        geometry, table, labels, per_class, per_class, flat, flat, flat, flat, is_stochastic=True
    )


def make_region(volume_mm3):
    return FlaggedRegion(
        id=1,
        label_value=1,
        label_name="a",
        window_kji=((0, 1), (0, 1), (0, 1)),
        peak_kji=(0, 0, 0),
        peak_ras_mm=(0.0, 0.0, 0.0),
        volume_mm3=volume_mm3,
        voxel_count=3,
        peak_score=0.2,
        mean_score=0.1,
        expected_error_mm3=1.0,
        reason="boundary",
    )


def test_volumes_regions_and_notes():
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, :, :2] = 1
    labels[2, 1, 1] = 7
    record = RunRecord({}, {}, {}, {}, {"Reading": 1}, ("A note.",))
    threshold = ThresholdRecord("variance", 0.1, "Chosen by the user.")
    regions = [make_region(3.0), make_region(1.5)]
    summary = summarise(make_maps(labels), regions, threshold, record)
    assert summary.structures == (
        StructureVolume(1, "a", pytest.approx(8.0)),
        StructureVolume(7, "b", pytest.approx(1.0)),
        StructureVolume(3, "c", 0.0),
    )
    assert (summary.regions, summary.regions_volume_mm3) == (2, 4.5)
    assert (summary.score, summary.threshold) == ("variance", 0.1)
    assert summary.notes == ("A note.",)
    assert summary.seconds_by_stage == {"Reading": 1.0}
