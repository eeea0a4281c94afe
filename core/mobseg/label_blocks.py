"""A label map in blocks of voxels, which the maps of all labels share."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

#: What stands for no value that all voxels of a block have.
MIXED = -1


class LabelBlocks:
    """A label map, and which of its blocks lie inside or outside of a structure.

    Args:
        labels: (K, J, I).
    """

    #: Voxels of the flattened map in a block; the last one may have fewer.
    SIZE = 1 << 9

    def __init__(self, labels: npt.NDArray[np.unsignedinteger]) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return (self.labels.size + self.SIZE - 1) // self.SIZE

    def inside(self, structure: int) -> npt.NDArray[np.int8]:
        """For each whole block 1 if all of its voxels have this label, 0 if none has, else :data:`MIXED`."""
        lowest, highest = self._extremes
        is_outside = (highest < structure) | (lowest > structure)
        is_inside = (lowest == structure) & (highest == structure)
        found = np.full(lowest.shape, MIXED, np.int8)
        found[is_outside] = 0
        found[is_inside] = 1
        return found

    @cached_property
    def _extremes(
        self,
    ) -> tuple[npt.NDArray[np.unsignedinteger], npt.NDArray[np.unsignedinteger]]:
        """Lowest and highest label of each whole block; once for all structures."""
        flat = self.labels.reshape(-1)
        blocks = flat[: len(flat) // self.SIZE * self.SIZE].reshape(-1, self.SIZE)
        return blocks.min(axis=1), blocks.max(axis=1)
