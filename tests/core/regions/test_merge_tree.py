from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mobseg.regions.lattice import CandidateLattice
from mobseg.regions.merge_tree import MergeTree


def tree_of(score):
    """The tree of all voxels, and their numbers from the highest score down."""
    by_rank = np.argsort(-score.ravel(), kind="stable")
    kji = np.indices(score.shape).reshape(3, -1)
    rank = np.argsort(by_rank).astype(np.int32)
    return MergeTree(CandidateLattice(kji, np.ones(3, int)), rank), by_rank


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("smoothness", [0.0, 1.0])
@pytest.mark.parametrize("levels", [4, 1000])
def test_components_are_those_of_labelling(seed, smoothness, levels):
    noise = np.random.default_rng(seed).standard_normal((9, 10, 11))
    score = np.floor(ndimage.gaussian_filter(noise, smoothness) * levels)
    tree, by_rank = tree_of(score)
    for threshold in np.quantile(score, [0.0, 0.5, 0.8, 0.95, 1.0]):
        flagged = by_rank[: np.count_nonzero(score >= threshold)]
        components = tree.components(flagged)
        expected, count = ndimage.label(score >= threshold, structure=np.ones((3, 3, 3)))
        pairs = set(zip(components, expected.ravel()[flagged], strict=True))
        # One to one: as many pairs as there are components on either side.
        assert len(pairs) == count == len(set(components))


def test_a_pass_joins_at_its_lower_voxel():
    tree, by_rank = tree_of(np.array([[[5.0, 3.0, 1.0, 2.0, 4.0]]]))
    groups = [len(set(tree.components(by_rank[:n]))) for n in range(6)]
    assert groups == [0, 1, 2, 2, 2, 1]


def test_no_candidates():
    tree, by_rank = tree_of(np.zeros((0, 3, 3)))
    assert tree.components(by_rank).size == 0
