"""Cuts through a volume as a radiologist expects them, whatever the order and tilt of its axes.

Volumes are sampled on grids along the axes of the patient (RAS), so oblique and anisotropic volumes come
out undistorted and every pixel is square.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mobseg.geometry import Points, VolumeGeometry
from mobseg.sparse_map import SparseMap

Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Plane:
    """Orientation of a cut.

    Attributes:
        name: shown to people.
        right: direction in the patient (RAS) that points to the right of the picture.
        down: direction that points to the bottom of the picture.
        edges: the patient's sides at the left, right, top and bottom of the picture.
    """

    name: str
    right: tuple[int, int, int]
    down: tuple[int, int, int]
    edges: str

    def project(self, points_ras_mm: npt.ArrayLike) -> Points:
        """Position (..., 2) of RAS points along ``right`` and ``down`` in mm."""
        axes = np.array((self.right, self.down), dtype=np.float64)
        projected: Points = np.asarray(points_ras_mm, dtype=np.float64) @ axes.T
        return projected


# The patient's right is on the left of the picture, as if seen from the feet or face to face.
AXIAL = Plane("Axial", (-1, 0, 0), (0, -1, 0), "RLAP")
CORONAL = Plane("Coronal", (-1, 0, 0), (0, 0, -1), "RLSI")
SAGITTAL = Plane("Sagittal", (0, -1, 0), (0, 0, -1), "APSI")
PLANES = (AXIAL, CORONAL, SAGITTAL)


@dataclass(frozen=True, eq=False)
class Cut:
    """A square piece of a plane.

    Attributes:
        plane: its orientation.
        center_ras_mm: its middle, (3,).
        width_mm: length of its sides.
        pixels: number of pixels along a side.
    """

    plane: Plane
    center_ras_mm: Points
    width_mm: float
    pixels: int

    @property
    def extent_mm(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge in the coordinates of :meth:`Plane.project`."""
        x, y = self.plane.project(self.center_ras_mm)
        half = self.width_mm / 2
        return (x - half, x + half, y + half, y - half)

    def sample(
        self,
        array: npt.NDArray[Any] | SparseMap,
        geometry: VolumeGeometry,
        *,
        outside: float = 0.0,
        value: int | None = None,
    ) -> Image:
        """The (pixels, pixels) picture of a volume, from top to bottom; see :func:`resample`."""
        step_mm = self.width_mm / self.pixels
        steps = step_mm * np.array(((0, 0, 0), self.plane.down, self.plane.right))
        first = self.center_ras_mm - (self.pixels - 1) / 2 * steps.sum(axis=0)
        shape = (1, self.pixels, self.pixels)
        picture = resample(array, geometry, first, steps, shape, outside=outside, value=value)
        return picture.reshape(self.pixels, self.pixels)


def resample(
    array: npt.NDArray[Any] | SparseMap,
    geometry: VolumeGeometry,
    first_ras_mm: Points,
    steps_ras_mm: Points,
    shape: tuple[int, int, int],
    *,
    outside: float,
    value: int | None = None,
) -> Image:
    """Interpolate a volume linearly on a grid in the patient.

    Args:
        array: (K, J, I) voxels.
        geometry: their grid.
        first_ras_mm: (3,) position of the first sample.
        steps_ras_mm: (3, 3), row n is the step from one sample to the next along axis n of the result.
        shape: of the result.
        outside: value beyond the volume.
        value: sample the mask of the voxels with this value instead; its outline lies at one half.
    """
    first_kji = geometry.ras_to_ijk(first_ras_mm)[::-1]
    steps_kji = (geometry.ras_to_ijk(first_ras_mm + steps_ras_mm)[:, ::-1] - first_kji).T
    # Only the part around the samples is converted; one voxel more keeps its own edges out of sight.
    last_index = np.array(shape) - 1
    corners = first_kji + np.array(list(product((0, 1), repeat=3))) * last_index @ steps_kji.T
    size = np.array(array.shape)
    start = np.clip(np.floor(corners.min(axis=0)) - 1, 0, size - 1).astype(int)
    stop = np.clip(np.ceil(corners.max(axis=0)) + 2, start + 1, size).astype(int)
    window = array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    sampled: Image = ndimage.affine_transform(
        window if value is None else (window == value).astype(np.uint8),
        steps_kji,
        offset=first_kji - start,
        output_shape=shape,
        output=np.float32,
        order=1,
        cval=outside,
    )
    return sampled
