from __future__ import annotations

import numpy as np
from scipy import sparse

from mobseg.regions.groups import Groups

NUMBER = np.array([1, 0, 1, 2, 0, 1])
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
    total = Groups(np.zeros(3000, dtype=np.int64)).sum(values)[0]
    assert abs(total - 3000 * float(np.float32(0.1))) < 1e-9


def test_sums_of_sparse_rows():
    values = np.stack((VALUES, np.full(6, 0.1, np.float32), 0 * VALUES), axis=1)
    expected = Groups(NUMBER).sum(values.T).T
    found = Groups(NUMBER).sum_rows(sparse.csr_array(values))
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_no_voxels():
    groups = Groups(np.zeros(0, dtype=np.int64))
    assert groups.sum_rows(sparse.csr_array((0, 3))).shape == (0, 3)
    empty = np.zeros(0, dtype=np.float32)
    assert len(groups) == 0
    assert groups.sum(empty).shape == groups.argmax(empty).shape == groups.count.shape == (0,)
