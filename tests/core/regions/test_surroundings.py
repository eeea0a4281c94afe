from __future__ import annotations

import numpy as np
import pytest

from mobseg.regions.lattice import CandidateLattice
from mobseg.regions.surroundings import find_surroundings

STEPS = np.concatenate((np.eye(3, dtype=int), -np.eye(3, dtype=int)))


@pytest.mark.parametrize("seed", range(3))
def test_against_looking_at_each_neighbour(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, p=(0.6, 0.2, 0.1, 0.1), size=(5, 6, 7)).astype(np.uint8)
    score = rng.uniform(0.0, 1.0, labels.shape).astype(np.float32)
    kji = np.stack(np.nonzero(score > 0.3)).astype(np.int32)
    kji = kji[:, rng.permutation(kji.shape[1])]
    lattice = CandidateLattice(kji, np.ones(3, int))
    found = find_surroundings(kji, labels, lattice, score[tuple(kji)])
    for n, voxel in enumerate(kji.T):
        own = labels[tuple(voxel)]
        neighbours = [
            tuple(voxel + step)
            for step in STEPS
            if ((voxel + step >= 0) & (voxel + step < labels.shape)).all()
        ]
        others = [labels[neighbour] for neighbour in neighbours]
        assert found.near_foreground[n] == (own > 0 or any(others))
        assert found.leaves_structure[n] == (own == 0 or any(other != own for other in others))
        scores = [
            score[neighbour] if score[neighbour] > 0.3 else 0.0
            for neighbour, other in zip(neighbours, others, strict=True)
            if other > 0
        ]
        assert found.least_foreground_score[n] == min(scores, default=np.inf)
