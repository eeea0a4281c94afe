"""A small prediction with three doubtful blobs in one gland."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mobseg.labels import LabelTable
from mobseg.prediction_folder import ThresholdRecord, write_prediction_folder
from tests.support.predictions import LEFT, RECORD, make_maps

SHAPE = (8, 20, 24)
IJK_TO_RAS_MM = np.diag([3.0, 3.0, 3.0, 1.0])
#: The first with the largest expected error.
BLOBS = (
    (slice(2, 6), slice(2, 6), slice(2, 6)),
    (slice(2, 5), slice(10, 13), slice(8, 11)),
    (slice(4, 6), slice(14, 16), slice(18, 21)),
)


def write_prediction(folder: Path, *, is_stochastic: bool = True) -> None:
    variance = np.zeros(SHAPE, np.float32)
    probability = np.zeros(SHAPE, np.float32)
    for number, blob in enumerate(BLOBS):
        variance[blob] = 0.2 - 0.04 * number
        probability[blob] = 0.6
    maps = make_maps(
        variance=variance,
        probability=probability,
        labels=(probability > 0.5).astype(np.uint8) * LEFT.value,
        ijk_to_ras_mm=IJK_TO_RAS_MM,
        table=LabelTable((LEFT,)),
        is_stochastic=is_stochastic,
    )
    threshold = ThresholdRecord(score="variance", value=0.05, source="default")
    write_prediction_folder(folder, maps, (), RECORD, threshold=threshold)
