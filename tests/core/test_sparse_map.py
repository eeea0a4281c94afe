from __future__ import annotations

import numpy as np
import pytest

from mobseg import sparse_map
from mobseg.label_blocks import LabelBlocks
from mobseg.sparse_map import SparseMap
from mobseg.volume import Run

SHAPE = (6, 7, 8)
STRUCTURE = 3


def make(structure: int | None, stored: int = 40) -> tuple[SparseMap, np.ndarray]:
    """A map, and what it stands for."""
    rng = np.random.default_rng(0)
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:4] = STRUCTURE
    labels[4, 3:] = 7
    voxels = np.sort(rng.choice(labels.size, stored, replace=False))
    values = rng.random(stored, np.float32)
    dense = (labels == STRUCTURE).astype(np.float32) if structure else np.zeros(SHAPE, np.float32)
    dense.flat[voxels] = values
    return SparseMap(LabelBlocks(labels), voxels, values, structure), dense


@pytest.mark.parametrize("structure", [None, STRUCTURE])
@pytest.mark.parametrize("stored", [0, 1, 40, 336])
def test_is_the_dense_map(structure: int | None, stored: int) -> None:
    sparse, dense = make(structure, stored)
    assert sparse.shape == SHAPE
    found = sparse.dense()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, dense)


@pytest.mark.parametrize("structure", [None, STRUCTURE])
def test_labels_in_another_order_of_memory(structure: int | None) -> None:
    sparse, dense = make(structure)
    blocks = LabelBlocks(np.asfortranarray(sparse.labels))
    turned = SparseMap(blocks, sparse.voxels, sparse.values, structure)
    np.testing.assert_array_equal(turned.dense(), dense)


@pytest.mark.parametrize("structure", [None, STRUCTURE])
@pytest.mark.parametrize(
    "box",
    [
        (slice(0, 6), slice(0, 7), slice(0, 8)),
        (slice(1, 4), slice(2, 3), slice(5, 8)),
        (slice(3, 3), slice(0, 7), slice(0, 8)),
        (slice(None), slice(-2, None), slice(4, 99)),
    ],
)
def test_a_box(structure: int | None, box: tuple[slice, ...]) -> None:
    sparse, dense = make(structure)
    np.testing.assert_array_equal(sparse[box], dense[box])


@pytest.mark.parametrize("structure", [None, STRUCTURE])
def test_single_voxels_in_any_order(structure: int | None) -> None:
    sparse, dense = make(structure)
    rng = np.random.default_rng(1)
    where = tuple(rng.integers(0, n, 500) for n in SHAPE)
    np.testing.assert_array_equal(sparse[where], dense[where])
    nothing, zeros = make(structure, 0)
    np.testing.assert_array_equal(nothing[where], zeros[where])


def test_the_voxels_that_reach_a_value() -> None:
    sparse, dense = make(None)
    lowest = float(sparse.values[5])
    np.testing.assert_array_equal(sparse.reaching(lowest), np.nonzero(dense >= sparse.values[5]))


@pytest.mark.parametrize("structure", [None, STRUCTURE])
def test_parts_are_the_map_in_order(structure: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LabelBlocks, "SIZE", 20)  # the last block is not full
    monkeypatch.setattr(sparse_map, "_PIECE", 30)
    sparse, dense = make(structure, stored=6)
    parts = list(sparse.parts())
    written = [np.full(part.count, part.value) if isinstance(part, Run) else part for part in parts]
    np.testing.assert_array_equal(np.concatenate(written), dense.ravel())
    runs = [part for part in parts if isinstance(part, Run)]
    assert sum(run.count for run in runs) >= 8 * 20
    assert all(run.count % 20 == 0 for run in runs)
    assert max(len(part) for part in parts if not isinstance(part, Run)) <= 30
    expected = {0.0, 1.0} if structure else {0.0}
    assert {float(run.value) for run in runs} == expected
    assert {run.value.dtype for run in runs} == {np.dtype(np.float32)}
