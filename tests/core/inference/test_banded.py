"""Products with a band equal those with the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mobseg.inference.banded import BandedMatrix
from mobseg.inference.resampling import axis_weights


@pytest.mark.parametrize(("n_in", "n_out"), [(200, 90), (90, 200), (1, 5), (40, 1)])
def test_products_equal_those_of_the_whole_matrix(n_in: int, n_out: int) -> None:
    weights = axis_weights(n_in, n_out, 3)
    generator = torch.Generator().manual_seed(0)
    columns = torch.randn(n_in, 7, generator=generator)
    rows = torch.randn(7, n_in, generator=generator)
    of_columns, of_rows = torch.empty(n_out, 7), torch.empty(7, n_out)
    matrix = BandedMatrix(weights)
    matrix.times_columns(columns, of_columns)
    matrix.times_rows(rows, of_rows)
    exact = weights.astype(np.float64)
    np.testing.assert_allclose(of_columns.numpy(), exact @ columns.numpy(), atol=2e-6)
    np.testing.assert_allclose(of_rows.numpy(), rows.numpy() @ exact.T, atol=2e-6)


def test_what_lies_outside_the_band_is_not_touched() -> None:
    data = torch.ones(200, 3)
    data[150:] = torch.nan
    result = torch.empty(100, 3)
    BandedMatrix(axis_weights(200, 100, 3)).times_columns(data, result)
    torch.testing.assert_close(result[:32], torch.ones(32, 3))
