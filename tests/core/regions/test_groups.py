from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from mobseg.regions.groups import Groups, stable_order, sum_rows

NUMBER = np.array([1, 0, 1, 2, 0, 1], dtype=np.int32)
VALUES = np.array([5.0, 1.0, 7.0, -2.0, 4.0, 7.0], dtype=np.float32)


def test_reductions():
    groups = Groups(NUMBER)
    assert len(groups) == 3
    assert groups.count.tolist() == [2, 3, 1]
    assert groups.first.tolist() == [1, 0, 3]
    assert groups.sum(VALUES).tolist() == [5.0, 19.0, -2.0]
    assert groups.min(VALUES).tolist() == [1.0, 5.0, -2.0]
    assert groups.max(VALUES).tolist() == [4.0, 7.0, -2.0]
    assert groups.any(VALUES > 4).tolist() == [False, True, False]


def test_argmax_takes_the_first_of_equals():
    assert Groups(NUMBER).argmax(VALUES).tolist() == [4, 2, 3]


def test_leading_axes_are_kept():
    assert Groups(NUMBER).max(np.stack((VALUES, -VALUES))).tolist() == [
        [4.0, 7.0, -2.0],
        [-1.0, -5.0, 2.0],
    ]


def test_sums_are_in_double_precision():
    values = np.full(3000, 0.1, dtype=np.float32)
    total = Groups(np.zeros(3000, dtype=np.int32)).sum(values)[0]
    assert abs(total - 3000 * float(np.float32(0.1))) < 1e-9


def test_sums_of_sparse_rows():
    values = np.stack((VALUES, np.full(6, 0.1, np.float32), 0 * VALUES))
    found = sum_rows(NUMBER, sparse.csr_array(values), 3)
    np.testing.assert_allclose(found, Groups(NUMBER).sum(values), rtol=1e-15)


def test_columns_without_a_group_are_left_out_of_sums():
    number = np.array([1, -1, 1, 0, -1, 1])
    found = sum_rows(number, sparse.csr_array(VALUES[None]), 3)
    assert found.tolist() == [[-2.0, 19.0, 0.0]]


def test_no_voxels():
    groups = Groups(np.zeros(0, dtype=np.int32))
    assert sum_rows(np.zeros(0, np.int32), sparse.csr_array((3, 0)), 0).shape == (3, 0)
    empty = np.zeros(0, dtype=np.float32)
    assert len(groups) == 0
    assert groups.sum(empty).shape == groups.argmax(empty).shape == groups.count.shape == (0,)


@pytest.mark.parametrize("highest", [9, 2**16 - 1, 2**16 + 9, 2**32 - 1])
def test_numbers_of_any_size_are_ordered_and_equal_ones_keep_their_places(highest):
    values = np.random.default_rng(0).integers(highest // 4, highest, 500, np.uint32, endpoint=True)
    values[::3] = values[0]
    assert stable_order(values).tolist() == np.argsort(values, kind="stable").tolist()
