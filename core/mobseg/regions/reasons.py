"""How a region lies with respect to the segmentation.

A *certain* voxel is one below the threshold; two voxels *touch* when they share a face. The reasons are
tried in this order:

* **missed candidate**: no voxel of the connected component is labelled foreground or touches foreground.
  The model sees something there that it left out.
* **isolated**: the component holds or touches foreground, but touches no certain foreground voxel. What is
  segmented there is an island in doubt as a whole, such as a false positive.
* **interior**: all voxels of the region carry one foreground label and touch no other label. The doubt is
  inside a structure, away from its surface.
* **boundary**: everything else. The doubt is about where the surface of a structure runs.

The first two are properties of the whole component, so that dividing it does not turn the outer rim of a
wide boundary into a missed candidate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.prediction import Map
from mobseg.regions.groups import Flags, Indices
from mobseg.sparse_map import SparseMap


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What (n,) voxels are and touch.

    Attributes:
        near_foreground: the voxel is foreground, or touches it.
        leaves_structure: the voxel is background, or touches a voxel with another label.
        least_foreground_score: lowest score of the foreground voxels that the voxel touches; infinite where
            there are none.
    """

    near_foreground: Flags
    leaves_structure: Flags
    least_foreground_score: Map

    def __getitem__(self, voxels: Indices) -> Surroundings:
        return Surroundings(
            self.near_foreground[voxels],
            self.leaves_structure[voxels],
            self.least_foreground_score[voxels],
        )


def find_surroundings(
    kji: Indices, labels: npt.NDArray[np.unsignedinteger], score: Map | SparseMap
) -> Surroundings:
    """Look at the six neighbours of (3, n) voxels in (K, J, I) maps."""
    own = labels[tuple(kji)]
    near_foreground = own > 0
    leaves_structure = own == 0
    least = np.full(own.shape, np.inf, dtype=np.float32)
    for axis in range(3):
        for step in (-1, 1):
            neighbour = _neighbour(kji, axis, step, labels.shape[axis])
            other = labels[neighbour]
            is_foreground = other > 0
            near_foreground |= is_foreground
            leaves_structure |= other != own
            foreground = np.flatnonzero(is_foreground)
            found = score[tuple(index[foreground] for index in neighbour)]
            least[foreground] = np.minimum(least[foreground], found)
    return Surroundings(near_foreground, leaves_structure, least)


def find_reasons(
    component: Indices,
    part: Indices,
    component_of_part: Indices,
    surroundings: Surroundings,
    threshold: float,
) -> list[str]:
    """The reason of every part, in the order of the part numbers.

    Args:
        component: (n,) number of the connected component of each flagged voxel, from 0.
        part: (n,) number of the part of each voxel, from 0; a part lies within one component.
        component_of_part: component of each part.
        surroundings: of the n voxels.
        threshold: the score at which voxels are flagged.
    """
    near_certain = surroundings.least_foreground_score < threshold
    n_components = 1 + int(component.max(initial=-1))
    flags = zip(
        _any(component, surroundings.near_foreground, n_components)[component_of_part],
        _any(component, near_certain, n_components)[component_of_part],
        _any(part, surroundings.leaves_structure, component_of_part.size),
        strict=True,
    )
    return [_reason(*part_flags) for part_flags in flags]


def _any(group: Indices, flags: Flags, n_groups: int) -> Flags:
    """Whether any flag of each group is set."""
    found = np.zeros(n_groups, dtype=np.bool_)
    found[group[flags]] = True
    return found


def _neighbour(kji: Indices, axis: int, step: int, size: int) -> tuple[Indices, ...]:
    """The neighbours along one axis; at the edge of the image a voxel is its own neighbour."""
    neighbour = list(kji)
    neighbour[axis] = np.clip(kji[axis] + step, 0, size - 1)
    return tuple(neighbour)


def _reason(touches_foreground: bool, touches_certain: bool, leaves_structure: bool) -> str:
    if not touches_foreground:
        return "missed candidate"
    if not touches_certain:
        return "isolated"
    return "boundary" if leaves_structure else "interior"
