"""Small images and results on awkward grids."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from mobseg.geometry import VolumeGeometry
from mobseg.labels import LabelTable
from mobseg.prediction import PredictionMaps
from mobseg.prediction_folder import ThresholdRecord, rounded_maps, write_prediction_folder
from mobseg.regions import flag_regions
from tests.support.predictions import LEFT, RECORD, RIGHT, make_maps

SHAPE = (12, 20, 24)
THRESHOLD = 0.05


def _grid(directions, spacing_ijk_mm) -> VolumeGeometry:
    matrix = np.eye(4)
    matrix[:3, :3] = np.asarray(directions, dtype=float) * spacing_ijk_mm
    matrix[:3, 3] = (12.5, -30.25, 41.0)
    return VolumeGeometry(SHAPE, matrix)


_OBLIQUE = Rotation.from_euler("xyz", (20, -12, 33), degrees=True).as_matrix()

#: Grids by name; i, j and k run along the columns.
GRIDS = {
    "as a scanner writes": _grid(np.diag([-1, -1, 1]), (1.5, 1.5, 2.0)),
    "left-handed": _grid(np.diag([1, -1, 1]), (1.5, 1.5, 2.0)),
    "permuted": _grid([[0, 0, 1], [0, -1, 0], [1, 0, 0]], (1.0, 2.0, 1.5)),
    "oblique, anisotropic": _grid(_OBLIQUE, (0.9, 1.3, 2.5)),
    "oblique, left-handed": _grid(_OBLIQUE * (-1, 1, 1), (0.9, 1.3, 2.5)),
}
PLAIN = GRIDS["as a scanner writes"]


def ct_array(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(40, 60, SHAPE)
    return noise.astype(np.int16)


def prediction(
    geometry: VolumeGeometry = PLAIN, *, is_stochastic: bool = True, seed: int = 0
) -> PredictionMaps:
    """Two glands with doubt at their surfaces and some loose doubt, as read back from disk."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal((2, *SHAPE)), (0, 1.2, 1.2, 1.2))
    k, j, i = np.indices(SHAPE)
    logits = [
        4 - np.hypot(np.hypot((k - 6) * 1.4, j - 10), i - center) + 8 * noise[n]
        for n, center in enumerate((6, 17))
    ]
    probability = 0.5 / (1 + np.exp(-np.stack(logits)))
    probability *= np.array([1.9, 1.8])[:, None, None, None]
    labels = np.where(probability[0] > 0.5, LEFT.value, 0)
    labels[(probability[1] > 0.5) & (probability[1] > probability[0])] = RIGHT.value
    maps = make_maps(
        variance=probability * (1 - probability) * rng.uniform(0.3, 0.9, probability.shape),
        probability=probability,
        labels=labels,
        table=LabelTable((LEFT, RIGHT)),
        ijk_to_ras_mm=geometry.ijk_to_ras_mm,
        is_stochastic=is_stochastic,
    )
    entropy = -np.sum(probability * np.log(probability), axis=0).astype(np.float32)
    return rounded_maps(dataclasses.replace(maps, predictive_entropy_nats=entropy))


def write_result(
    folder: Path,
    maps: PredictionMaps,
    *,
    score: str = "error_probability",
    threshold: float = THRESHOLD,
) -> Path:
    """A prediction folder, as the worker writes it."""
    record = ThresholdRecord(score=score, value=threshold, source="default")
    regions = flag_regions(maps, score, threshold)
    write_prediction_folder(folder, maps, regions, RECORD, threshold=record)
    return folder
