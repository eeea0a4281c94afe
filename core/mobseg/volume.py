"""Volumes: an array together with its grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.errors import GeometryMismatch
from mobseg.geometry import VolumeGeometry


def _check_shape(shape: tuple[int, ...], geometry: VolumeGeometry) -> None:
    if tuple(shape) != geometry.shape_kji:
        raise GeometryMismatch(
            f"The array has shape {tuple(shape)}, but its grid has shape {geometry.shape_kji}."
        )


@dataclass(frozen=True, eq=False)
class ScalarVolume:
    """One scalar image.

    Attributes:
        array: (K, J, I), any real dtype; Hounsfield units for CT.
        geometry: the grid.
    """

    array: npt.NDArray[np.generic]
    geometry: VolumeGeometry

    def __post_init__(self) -> None:
        _check_shape(self.array.shape, self.geometry)


@dataclass(frozen=True, eq=False)
class LabelVolume:
    """One label map.

    Attributes:
        array: (K, J, I) unsigned integers; 0 is background.
        geometry: the grid.
    """

    array: npt.NDArray[np.unsignedinteger]
    geometry: VolumeGeometry

    def __post_init__(self) -> None:
        _check_shape(self.array.shape, self.geometry)


@dataclass(frozen=True)
class Run:
    """Equal voxels that follow one another in a flattened volume.

    Attributes:
        value: of each voxel, with the volume's type.
        count: number of voxels.
    """

    value: np.generic
    count: int
