from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mobseg.regions.lattice import RankLattice
from mobseg.regions.merge_tree import MergeTree


def ranked(score):
    """Indices (3, n) of all voxels from the highest score down, and their scores."""
    kji = np.indices(score.shape).reshape(3, -1)
    order = np.argsort(-score.ravel(), kind="stable")
    return kji[:, order], score.ravel()[order]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("smoothness", [0.0, 1.0])
@pytest.mark.parametrize("levels", [4, 1000])
def test_components_are_those_of_labelling(seed, smoothness, levels):
    noise = np.random.default_rng(seed).standard_normal((9, 10, 11))
    score = np.floor(ndimage.gaussian_filter(noise, smoothness) * levels)
    kji, descending = ranked(score)
    tree = MergeTree(RankLattice(kji, np.ones(3, int)))
    for threshold in np.quantile(score, [0.0, 0.5, 0.8, 0.95, 1.0]):
        n_flagged = int((descending >= threshold).sum())
        components = tree.components(n_flagged)
        expected, count = ndimage.label(score >= threshold, structure=np.ones((3, 3, 3)))
        pairs = set(zip(components, expected[tuple(kji[:, :n_flagged])], strict=True))
        # One to one: as many pairs as there are components on either side.
        assert len(pairs) == count == len(set(components))


def test_a_pass_joins_at_its_lower_voxel():
    kji, _ = ranked(np.array([[[5.0, 3.0, 1.0, 2.0, 4.0]]]))
    tree = MergeTree(RankLattice(kji, np.ones(3, int)))
    groups = [len(set(tree.components(n))) for n in range(6)]
    assert groups == [0, 1, 2, 2, 2, 1]


def test_no_candidates():
    tree = MergeTree(RankLattice(np.zeros((3, 0), int), np.ones(3, int)))
    assert tree.components(0).size == 0
