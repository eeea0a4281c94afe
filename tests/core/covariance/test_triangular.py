from __future__ import annotations

import pytest
import torch

from mobseg.covariance.triangular import cholesky_rows, correlate


@pytest.mark.parametrize("classes", [1, 2, 3, 6])
def test_unrolled_factor_equals_lapack(classes: int) -> None:
    generator = torch.Generator().manual_seed(classes)
    root = torch.randn(5, classes, classes, generator=generator, dtype=torch.float64)
    matrices = root @ root.mT + torch.eye(classes, dtype=torch.float64)
    covariance = matrices.movedim(0, -1)[None]
    rows = cholesky_rows(covariance)
    expected = torch.linalg.cholesky(matrices)
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            torch.testing.assert_close(entry[0], expected[:, i, j])


def test_correlated_noise_is_the_factor_times_the_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(7, 3, 3, generator=generator, dtype=torch.float64)
    matrices = root @ root.mT + torch.eye(3, dtype=torch.float64)
    noise = torch.randn(4, 1, 3, 7, generator=generator, dtype=torch.float64)
    expected = torch.einsum("vij,nbjv->nbiv", torch.linalg.cholesky(matrices), noise)
    torch.testing.assert_close(correlate(matrices.movedim(0, -1)[None], noise), expected)
