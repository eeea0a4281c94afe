"""Slabs of planes."""

from __future__ import annotations

import pytest

from mobseg.slabs import Slabwise, slabs_between


@pytest.mark.parametrize("thickness", [1, 2, 3, 7, 100])
def test_slabs_follow_each_other(thickness: int) -> None:
    slabs = slabs_between(2, 9, thickness)
    assert [n for slab in slabs for n in range(10)[slab]] == list(range(2, 9))
    assert max(slab.stop - slab.start for slab in slabs) == min(thickness, 7)


def test_a_mapped_slab_is_computed_when_it_is_asked_for() -> None:
    asked = []

    def compute(planes: slice) -> int:
        asked.append(planes)
        return planes.stop

    doubled = Slabwise(slabs_between(0, 6, 4), compute).map(lambda stop: 2 * stop)
    assert asked == []
    assert [doubled.compute(planes) for planes in doubled.slabs] == [8, 12]
    assert asked == [slice(0, 4), slice(4, 6)]
