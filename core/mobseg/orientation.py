"""Anatomical orientation of a grid, changed exactly: by flips and permutations of axes only."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.volume import ScalarVolume

Array = npt.NDArray[np.generic]

#: Per RAS axis, the letter of its negative and of its positive side.
_SIDES = ("LR", "PA", "IS")


@dataclass(frozen=True)
class Reorientation:
    """A permutation of the axes (k, j, i), followed by flips.

    Attributes:
        source_axes: for each axis of the result, the axis of the original array it was.
        flipped: for each axis of the result, whether it runs the other way.
    """

    source_axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def apply(self, array: Array) -> Array:
        """Reorient the last three axes of an (..., K, J, I) array; the result is a view."""
        leading = array.ndim - 3
        axes = (*range(leading), *(leading + axis for axis in self.source_axes))
        view: Array = np.flip(array.transpose(axes), self._flipped_axes)
        return view

    def undo(self, array: Array) -> Array:
        """Bring an (..., K, J, I) array back to the original order of axes; the result is a view."""
        leading = array.ndim - 3
        axes = (*range(leading), *(leading + int(axis) for axis in np.argsort(self.source_axes)))
        view: Array = np.flip(array, self._flipped_axes).transpose(axes)
        return view

    def undo_indices(
        self, indices: tuple[npt.NDArray[np.int64], ...], shape: tuple[int, ...]
    ) -> tuple[npt.NDArray[np.int64], ...]:
        """Where voxels of a reoriented (K, J, I) array lie in the original.

        Args:
            indices: along each axis of the reoriented array.
            shape: of the reoriented array.
        """
        original = list(indices)
        for axis, source in enumerate(self.source_axes):
            index = indices[axis]
            original[source] = shape[axis] - 1 - index if self.flipped[axis] else index
        return tuple(original)

    @property
    def _flipped_axes(self) -> tuple[int, ...]:
        return tuple(axis - 3 for axis, flip in enumerate(self.flipped) if flip)


def axis_codes(geometry: VolumeGeometry) -> str:
    """Three letters, for i, j and k: the side of the patient toward which the index grows.

    ``"LPS"``, for example, means that i grows toward the left, j toward posterior and k toward superior.
    Of an oblique grid each axis gets the nearest direction such that all three differ.
    """
    cosines = _direction_cosines(geometry)
    ras_axes = _nearest_ras_axes(cosines)
    return "".join(_SIDES[ras][int(cosines[ras, axis] > 0)] for axis, ras in enumerate(ras_axes))


def reorient(volume: ScalarVolume, codes: str) -> tuple[ScalarVolume, Reorientation]:
    """Flip and permute the axes until ``axis_codes`` gives ``codes``; no voxel moves in the patient.

    Args:
        volume: the image; the array of the result is a view of its array.
        codes: as from :func:`axis_codes`.

    Raises:
        InvalidInput: ``codes`` does not name each of the three directions once.
    """
    wanted = _ras_axes_of(codes)
    present = axis_codes(volume.geometry)
    available = _ras_axes_of(present)
    source_ijk = [available.index(ras) for ras in wanted]
    flipped_ijk = [codes[axis] != present[source] for axis, source in enumerate(source_ijk)]
    k, j, i = (2 - source for source in reversed(source_ijk))
    flip_k, flip_j, flip_i = reversed(flipped_ijk)
    change = Reorientation((k, j, i), (flip_k, flip_j, flip_i))
    geometry = _reoriented(volume.geometry, source_ijk, flipped_ijk)
    return ScalarVolume(change.apply(volume.array), geometry), change


def _direction_cosines(geometry: VolumeGeometry) -> npt.NDArray[np.float64]:
    """(3, 3): rows R, A, S; columns i, j, k."""
    cosines = geometry.ijk_to_ras_mm[:3, :3] / np.array(geometry.spacing_ijk_mm)
    return np.asarray(cosines)


def _nearest_ras_axes(cosines: npt.NDArray[np.float64]) -> tuple[int, ...]:
    """For i, j and k the RAS axis of the assignment with the largest sum of absolute cosines."""
    columns = np.arange(3)
    return max(permutations(range(3)), key=lambda ras: np.abs(cosines[list(ras), columns]).sum())


def _ras_axes_of(codes: str) -> list[int]:
    axes = [next((a for a, side in enumerate(_SIDES) if c in side), -1) for c in codes]
    if sorted(axes) != [0, 1, 2]:
        raise InvalidInput(
            f"{codes!r} is not an orientation; use one letter each of L or R, P or A and I or S, "
            "such as LPS."
        )
    return axes


def _reoriented(
    geometry: VolumeGeometry, source_ijk: list[int], flipped_ijk: list[bool]
) -> VolumeGeometry:
    source_sizes = geometry.shape_kji[::-1]
    to_source = np.zeros((4, 4))  # from new to original voxel indices
    to_source[3, 3] = 1
    for axis, (source, flip) in enumerate(zip(source_ijk, flipped_ijk, strict=True)):
        to_source[source, axis] = -1 if flip else 1
        to_source[source, 3] = source_sizes[source] - 1 if flip else 0
    k, j, i = (source_sizes[source] for source in reversed(source_ijk))
    return VolumeGeometry((k, j, i), geometry.ijk_to_ras_mm @ to_source)
