"""The grid of a volume: its shape and where its voxels lie in the patient.

Arrays are indexed (k, j, i), slowest to fastest; points are (i, j, k) in voxels or RAS in millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.errors import InvalidInput

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VolumeGeometry:
    """A regular, possibly oblique, grid.

    Attributes:
        shape_kji: Number of voxels along k, j and i.
        ijk_to_ras_mm: (4, 4) matrix from homogeneous voxel indices (i, j, k, 1) to RAS in mm.

    Raises:
        InvalidInput: the matrix is not a finite, invertible affine map, or the shape is not positive.
    """

    shape_kji: tuple[int, int, int]
    ijk_to_ras_mm: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        matrix = np.array(self.ijk_to_ras_mm, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise InvalidInput("The image's position matrix is not a finite 4 x 4 matrix.")
        if abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
            raise InvalidInput(
                "The image's axes do not span a volume (zero spacing or parallel axes); re-export it."
            )
        if len(self.shape_kji) != 3 or min(self.shape_kji) < 1:
            raise InvalidInput(f"A volume needs three positive sizes, got {self.shape_kji}.")
        matrix.setflags(write=False)
        object.__setattr__(self, "ijk_to_ras_mm", matrix)
        object.__setattr__(self, "shape_kji", tuple(int(n) for n in self.shape_kji))

    @property
    def spacing_ijk_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along i, j and k in mm."""
        lengths = np.linalg.norm(self.ijk_to_ras_mm[:3, :3], axis=0)
        return (float(lengths[0]), float(lengths[1]), float(lengths[2]))

    @property
    def spacing_kji_mm(self) -> tuple[float, float, float]:
        """The same distances in array order (k, j, i)."""
        i, j, k = self.spacing_ijk_mm
        return (k, j, i)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in mm^3."""
        return float(abs(np.linalg.det(self.ijk_to_ras_mm[:3, :3])))

    def ijk_to_ras(self, points_ijk: npt.ArrayLike) -> Points:
        """Map (..., 3) voxel indices (i, j, k) to RAS in mm."""
        points = np.asarray(points_ijk, dtype=np.float64)
        ras: Points = points @ self.ijk_to_ras_mm[:3, :3].T + self.ijk_to_ras_mm[:3, 3]
        return ras

    def ras_to_ijk(self, points_ras_mm: npt.ArrayLike) -> Points:
        """Map (..., 3) RAS points in mm to fractional voxel indices (i, j, k)."""
        points = np.asarray(points_ras_mm, dtype=np.float64) - self.ijk_to_ras_mm[:3, 3]
        ijk: Points = points @ np.linalg.inv(self.ijk_to_ras_mm[:3, :3]).T
        return ijk

    def is_close(self, other: VolumeGeometry, tolerance_mm: float = 1e-3) -> bool:
        """Whether both grids have one shape and their corners lie within ``tolerance_mm``."""
        if self.shape_kji != other.shape_kji:
            return False
        k, j, i = (n - 1 for n in self.shape_kji)
        corners = [(a, b, c) for a in (0, i) for b in (0, j) for c in (0, k)]
        distance = np.abs(self.ijk_to_ras(corners) - other.ijk_to_ras(corners)).max()
        return bool(distance <= tolerance_mm)
