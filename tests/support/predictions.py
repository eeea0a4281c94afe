"""Small predictions written by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mobseg.geometry import VolumeGeometry
from mobseg.labels import Code, Label, LabelTable
from mobseg.prediction import PredictionMaps, RunRecord

LEFT = Label(3, "Left gland", (230, 170, 60), type=Code("45289007", "SCT", "Parotid gland"))
RIGHT = Label(7, "Right gland", (80, 190, 230))

RECORD = RunRecord(
    model={"id": "tiny", "name": "Tiny <model>", "folds": [0, 1]},
    options={"device": "cpu", "seed": 0, "roi_ras_mm": None},
    input={"shape_kji": [4, 5, 6], "orientation": "LPS"},
    versions={"mobseg": "0.1.0"},
    seconds_by_stage={"read": 0.5, "network": 1.5},
    notes=("The image has no air.",),
)


def make_maps(
    *,
    variance: npt.ArrayLike,
    probability: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
    table: LabelTable | None = None,
    ijk_to_ras_mm: npt.ArrayLike | None = None,
    is_stochastic: bool = True,
) -> PredictionMaps:
    """Maps of which most are zero.

    Args:
        variance: (K, J, I) or (F, K, J, I).
        probability: of the same shape; 0 everywhere by default.
        labels: (K, J, I); background by default.
        table: :data:`LEFT` alone by default.
        ijk_to_ras_mm: voxels of 1 mm along R, A and S by default.
        is_stochastic: whether the model predicts a variance.
    """
    table = table or LabelTable((LEFT,))
    variance = np.asarray(variance, dtype=np.float32)
    shape = variance.shape[-3:]
    per_label = (len(table), *shape)
    zeros = np.zeros(shape, dtype=np.float32)
    probability = np.zeros(per_label) if probability is None else np.asarray(probability)
    matrix = np.eye(4) if ijk_to_ras_mm is None else np.asarray(ijk_to_ras_mm)
    return PredictionMaps(
        geometry=VolumeGeometry(shape, matrix),
        label_table=table,
        labels=np.zeros(shape, np.uint8) if labels is None else np.asarray(labels, np.uint8),
        probability_mean=probability.reshape(per_label).astype(np.float32),
        probability_variance=variance.reshape(per_label),
        predictive_entropy_nats=zeros,
        mutual_information_nats=zeros,
        logit_variance_model=zeros,
        logit_variance_disagreement=zeros,
        is_stochastic=is_stochastic,
    )
