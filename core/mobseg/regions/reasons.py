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

import numpy as np
import numpy.typing as npt

from mobseg.prediction import Map
from mobseg.regions.groups import Groups, Indices


def find_reasons(
    kji: Indices,
    component: Indices,
    part: Indices,
    labels: npt.NDArray[np.unsignedinteger],
    score: Map,
    threshold: float,
) -> list[str]:
    """The reason of every part, in the order of the part numbers.

    Args:
        kji: (3, n) indices of the flagged voxels.
        component: (n,) number of the connected component of each voxel, from 0.
        part: (n,) number of the part of each voxel, from 0; a part lies within one component.
        labels: (K, J, I) assigned labels.
        score: (K, J, I) map that was flagged.
        threshold: the score at which voxels are flagged.
    """
    own = labels[tuple(kji)]
    near_foreground = own > 0
    near_certain = np.zeros_like(near_foreground)
    at_border = np.zeros_like(near_foreground)
    for axis in range(3):
        for step in (-1, 1):
            neighbour = _neighbour(kji, axis, step, labels.shape[axis])
            other = labels[neighbour]
            near_foreground |= other > 0
            near_certain |= (other > 0) & (score[neighbour] < threshold)
            at_border |= other != own

    components, parts = Groups(component), Groups(part)
    component_of_part = component[parts.first]
    flags = zip(
        components.any(near_foreground)[component_of_part],
        components.any(near_certain)[component_of_part],
        parts.any(at_border | (own == 0)),
        strict=True,
    )
    return [_reason(*part_flags) for part_flags in flags]


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
