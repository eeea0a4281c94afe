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

from mobseg.regions.groups import Flags, Numbers
from mobseg.regions.surroundings import Surroundings


def find_reasons(
    component: Numbers,
    part: Numbers,
    component_of_part: Numbers,
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


def _any(group: Numbers, flags: Flags, n_groups: int) -> Flags:
    """Whether any flag of each group is set."""
    found = np.zeros(n_groups, dtype=np.bool_)
    found[group[flags]] = True
    return found


def _reason(touches_foreground: bool, touches_certain: bool, leaves_structure: bool) -> str:
    if not touches_foreground:
        return "missed candidate"
    if not touches_certain:
        return "isolated"
    return "boundary" if leaves_structure else "interior"
