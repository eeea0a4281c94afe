from __future__ import annotations

import pytest
import torch

from mobseg.inference.axis import AxisSupport, native_axes
from mobseg.inference.preprocessing import preprocess
from mobseg.inference.resampling import axis_weights, nearest_indices
from tests.core.inference.cases import GRIDS, Model, make_volume


@pytest.mark.parametrize(("size", "n"), [(5, 12), (12, 5), (7, 7), (1, 4), (4, 1), (2, 9)])
def test_linear_support_is_the_matrix_of_linear_interpolation(size: int, n: int) -> None:
    support = AxisSupport.linear(size, n)
    matrix = torch.zeros(n, size)
    rows = torch.arange(n)
    matrix.index_put_((rows, support.lower), 1 - support.weight, accumulate=True)
    matrix.index_put_((rows, support.upper), support.weight, accumulate=True)
    torch.testing.assert_close(matrix, torch.from_numpy(axis_weights(size, n, order=1)))
    assert support.is_interpolated == (size not in (1, n))


def test_the_nearest_axis_takes_single_voxels() -> None:
    support = AxisSupport.nearest(4, 10)
    assert support.lower.tolist() == nearest_indices(4, 10).tolist()
    assert not support.is_interpolated
    assert not support.weight.any()


def test_axes_come_in_the_order_of_the_network() -> None:
    shape, spacing, target, transpose = GRIDS["transposed thick slices"]
    grid = preprocess(make_volume(shape, spacing), Model(target, transpose).plan).grid
    axes = native_axes(grid)
    assert [axis.size for axis in axes] == list(grid.network_shape)
    assert [len(axis.lower) for axis in axes] == [shape[n] for n in transpose]
    assert [axis.is_interpolated for axis in axes] == [n != grid.nearest_axis for n in range(3)]
