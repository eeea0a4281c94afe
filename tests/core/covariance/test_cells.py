from __future__ import annotations

import pytest
import torch

from mobseg.covariance.cells import cell_index, contract_cells, contract_squares, spread_cells


@pytest.mark.parametrize(("size", "cells"), [(8, 4), (7, 4), (5, 3), (3, 4), (40, 4)])
def test_cells_are_contiguous_and_of_about_equal_size(size: int, cells: int) -> None:
    index = cell_index(size, cells, torch.device("cpu"))
    counts = torch.bincount(index, minlength=cells)
    assert (index.diff() >= 0).all()
    assert counts.max() - counts.min() <= 1
    assert index[0] == 0


def test_every_voxel_gets_the_value_of_its_cell() -> None:
    values = torch.arange(8.0).view(1, 2, 2, 2)
    spread = spread_cells(values, (4, 3, 5))
    assert spread.shape == (1, 4, 3, 5)
    assert spread[0, 0, 0, 0] == 0
    assert spread[0, 3, 2, 4] == 7
    assert spread[0, 1, 1, 2] == 0  # the larger half of an odd axis comes first
    assert spread[0, 2, 1, 3] == 5


@pytest.mark.parametrize("leading", [(2,), (2, 3)])
def test_contraction_equals_spreading_first(leading: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    per_cell = torch.randn(2, *leading, 4, 3, 2, 2, generator=generator, dtype=torch.float64)
    values = torch.randn(2, 4, 7, 5, 6, generator=generator, dtype=torch.float64)
    spread = spread_cells(per_cell, (7, 5, 6))
    expected = torch.einsum("b...rzyx,brzyx->b...zyx", spread, values)
    torch.testing.assert_close(contract_cells(per_cell, values), expected)


def test_squares_of_one_row_equal_the_product_of_matrices() -> None:
    generator = torch.Generator().manual_seed(0)
    per_cell = torch.randn(2, 4, 3, 2, 2, generator=generator, dtype=torch.float64)
    values = torch.randn(2, 4, 11, 5, 6, generator=generator, dtype=torch.float64)
    expected = contract_cells(per_cell[:, None], values.square())[:, 0]
    torch.testing.assert_close(contract_squares(per_cell, values), expected)
