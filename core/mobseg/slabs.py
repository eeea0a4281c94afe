"""Volumes that are computed slab by slab: of many classes a whole window would take gigabytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")
_U = TypeVar("_U")


@dataclass(frozen=True, eq=False)
class Slabwise(Generic[_T]):
    """Something about a volume that is computed for one slab of planes after the other.

    Attributes:
        slabs: planes along the first axis, in order, together all of them.
        compute: gives what is asked for of one of the slabs.
    """

    slabs: Sequence[slice]
    compute: Callable[[slice], _T]

    def map(self, function: Callable[[_T], _U]) -> Slabwise[_U]:
        """What a function makes of each slab."""
        return Slabwise(self.slabs, lambda planes: function(self.compute(planes)))


def slabs_between(start: int, stop: int, thickness: int) -> list[slice]:
    """Planes ``start`` to ``stop`` in slabs of at most so many."""
    return [slice(z, min(z + thickness, stop)) for z in range(start, stop, thickness)]
