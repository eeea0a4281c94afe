"""What all pictures of a report are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage

from mobseg.geometry import Points, VolumeGeometry
from mobseg.prediction import Map
from mobseg.regions import FlaggedRegion
from mobseg.sparse_map import SparseMap
from mobseg.sparse_prediction import AnyPrediction
from mobseg.uncertainty import score_map
from mobseg.volume import ScalarVolume

# With a single score the colour scale would have no length.
_SHORTEST_SCALE = 1.05


@dataclass(frozen=True, eq=False)
class Scene:
    """CT, prediction and flagged score on one grid.

    Attributes:
        volume: the CT.
        maps: the prediction.
        score: (K, J, I) map that was flagged.
        threshold: lowest flagged score.
        highest_score: upper end of the colour scale.
        box_ras_mm: (2, 3) lowest and highest RAS coordinates of all labels and regions; of the whole volume
            if there are none.
    """

    volume: ScalarVolume
    maps: AnyPrediction
    score: Map | SparseMap
    threshold: float
    highest_score: float
    box_ras_mm: Points


def make_scene(
    volume: ScalarVolume,
    maps: AnyPrediction,
    regions: Sequence[FlaggedRegion],
    score_name: str,
    threshold: float,
) -> Scene:
    """Collect what the pictures need."""
    geometry = maps.geometry
    found = ndimage.find_objects(maps.labels, max_label=max(x.value for x in maps.label_table))
    windows = [[(s.start, s.stop) for s in window] for window in found if window is not None]
    windows += [list(region.window_kji) for region in regions]
    windows = windows or [[(0, n) for n in geometry.shape_kji]]
    boxes = np.stack([box_ras_mm(geometry, window) for window in windows])
    peaks = [region.peak_score for region in regions]
    return Scene(
        volume=volume,
        maps=maps,
        score=score_map(maps, score_name),
        threshold=threshold,
        highest_score=max([threshold * _SHORTEST_SCALE, *peaks]),
        box_ras_mm=np.stack((boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0))),
    )


def box_ras_mm(geometry: VolumeGeometry, window_kji: Sequence[tuple[int, int]]) -> Points:
    """(2, 3) lowest and highest RAS coordinates of the voxel centres in an index window."""
    ends_ijk = [(start, stop - 1) for start, stop in reversed(window_kji)]
    corners = geometry.ijk_to_ras(list(product(*ends_ijk)))
    return np.stack((corners.min(axis=0), corners.max(axis=0)))
