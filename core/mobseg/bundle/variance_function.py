"""How much a model's variance is enlarged, and where; stands in ``plans.json``.

One factor for all voxels cannot be right in a whole volume: networks trained with a Dice term are far too
sure near what they draw, and not far from it. The factor of this function depends on the distance of a
voxel to the other label of the label map. The mean, and so the label map, stays.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from mobseg.bundle.fields import Fields
from mobseg.errors import BundleError

#: Where ``plans.json`` holds the function. The plans, because every nnU-Net folder has them, their hash is
#: part of a model's, and packing keeps them: no step can lose the function.
VARIANCE_KEY = "mobseg_variance_function"

_VERSION = 1


@dataclass(frozen=True)
class VarianceFunction:
    """A factor on the standard deviation that a two-class model predicts, by distance.

    Its logarithm is linear between knots, and constant beyond the last.

    Attributes:
        distances_mm: (K,) knots, increasing from 0, at least two: distances to the nearest voxel with the
            other label.
        factors: (K,) the factor at each knot, positive.
    """

    distances_mm: tuple[float, ...]
    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        knots = self.distances_mm
        is_valid = (
            len(knots) == len(self.factors) >= 2
            and knots[0] == 0
            and all(a < b for a, b in itertools.pairwise(knots))
            and all(factor > 0 for factor in self.factors)
            and all(map(math.isfinite, (*knots, *self.factors)))
        )
        if not is_valid:
            raise BundleError(
                "A variance function needs at least two distances that increase from 0, and a positive "
                "factor at each; fit it again with mobseg rescale."
            )

    @classmethod
    def from_plans(cls, plans: Fields, *, n_labels: int, mode: str) -> VarianceFunction | None:
        """Read the function of a model; ``None`` where it has none.

        Args:
            plans: content of ``plans.json``.
            n_labels: number of foreground labels.
            mode: ``softmax`` or ``regions``.

        Raises:
            BundleError: it is damaged, of another version, or does not fit the model.
        """
        if VARIANCE_KEY not in plans:
            return None
        if mode != "softmax" or n_labels != 1:
            raise BundleError(
                "The model has a variance function, which only models of two classes can have; "
                "use the model as it was trained."
            )
        fields = plans.child(VARIANCE_KEY)
        if fields.integer("version") != _VERSION:
            raise BundleError(
                f"The model's variance function has version {fields.data['version']}, but this program "
                f"reads version {_VERSION}; update the program or the model."
            )
        count = len(fields.items("distances_mm"))
        return cls(fields.numbers("distances_mm", count), fields.numbers("factors", count))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "version": _VERSION,
            "distances_mm": list(self.distances_mm),
            "factors": list(self.factors),
        }
