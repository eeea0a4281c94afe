from __future__ import annotations

import numpy as np

from mobseg.regions.lattice import CandidateLattice

KJI = np.array([[4, 5, 4], [7, 7, 9], [1, 2, 1]])  # three voxels


def test_neighbours_are_found_by_their_offset():
    lattice = CandidateLattice(KJI, np.array([1, 2, 1]))
    up, right, nowhere = lattice.steps(np.array([[1, 0, 0], [0, 2, 1], [1, 0, 0]]))
    leading, numbers = lattice.neighbours(0, np.array([up, nowhere, right]))
    assert leading.tolist() == [0, 2]
    assert numbers.tolist() == [1, 2]
    assert lattice.neighbours_of(slice(None), up).tolist() == [1, 3, 3]
    assert lattice.neighbours_of(slice(None), nowhere).tolist() == [3, 3, 3]
    assert lattice.neighbours_of(np.array([1, 0]), np.array([-up, right])).tolist() == [0, 2]


def test_a_step_within_the_margin_never_wraps_around():
    lattice = CandidateLattice(KJI, np.array([2, 2, 2]))
    offsets = np.indices((5, 5, 5)).reshape(3, -1) - 2
    for number in range(3):
        leading, numbers = lattice.neighbours(number, lattice.steps(offsets))
        found = np.full(offsets.shape[1], 3)
        found[leading] = numbers
        for offset, other in zip(offsets.T, found, strict=True):
            expected = np.flatnonzero((KJI[:, number] + offset == KJI.T).all(axis=1))
            assert other == (expected[0] if expected.size else 3)
