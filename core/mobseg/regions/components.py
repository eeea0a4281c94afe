"""Connected components of flagged voxels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mobseg.geometry import VolumeGeometry
from mobseg.regions.groups import Indices

_TOUCHING = np.ones((3, 3, 3), dtype=bool)


def find_components(
    flagged: npt.NDArray[np.bool_], geometry: VolumeGeometry, min_volume_mm3: float
) -> tuple[Indices, Indices]:
    """The flagged voxels and their components; voxels that share a face, edge or corner are connected.

    Args:
        flagged: (K, J, I).
        geometry: the grid.
        min_volume_mm3: components below it are left out.

    Returns:
        Indices (3, n) of the voxels, by position in the patient: inferior, then posterior, then left first.
        This order does not depend on how a file stores its axes, so it can break ties.
        Number (n,) of each voxel's component, from 0 and without gaps.
    """
    box = _bounding_box(flagged)
    numbers, _ = ndimage.label(flagged[box], structure=_TOUCHING)
    within_box = np.nonzero(flagged[box])
    component = numbers[within_box].astype(np.int64) - 1
    kji = np.stack(within_box) + np.array([[window.start] for window in box])

    volumes_mm3 = np.bincount(component) * geometry.voxel_volume_mm3
    is_kept = (volumes_mm3 >= min_volume_mm3)[component]
    kji, component = kji[:, is_kept], component[is_kept]
    # One step along S outweighs every step along A, and one along A every step along R.
    weights_ijk = geometry.ijk_to_ras_mm[:3, :3].T @ (1.0, 1e4, 1e8)
    order = np.argsort(weights_ijk[::-1] @ kji, kind="stable")
    return kji[:, order], without_gaps(component[order])


def without_gaps(number: Indices) -> Indices:
    """The same groups in the same order, numbered from 0."""
    is_used = np.bincount(number) > 0
    renumbered: Indices = (np.cumsum(is_used) - 1)[number]
    return renumbered


def _bounding_box(flagged: npt.NDArray[np.bool_]) -> tuple[slice, ...]:
    box = []
    for axis in range(flagged.ndim):
        others = tuple(other for other in range(flagged.ndim) if other != axis)
        hit = np.flatnonzero(flagged.any(axis=others))
        box.append(slice(hit[0], hit[-1] + 1) if hit.size else slice(0, 0))
    return tuple(box)
