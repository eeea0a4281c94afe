"""Label maps drawn from the predictive distribution, with noise that is correlated in space.

Eq. 13 of the paper draws each voxel's noise on its own; the errors then cancel over an organ and its
volume hardly varies. Here the marginal law of every voxel is the model's, and neighbouring voxels share
their noise through a stationary Gaussian field of a chosen correlation length. This coupling is assumed,
not learned: intervals from it depend on the length, and must be shown with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from mobseg.covariance.form import CovarianceForm
from mobseg.inference.accumulator import StitchedMoments
from mobseg.projections import covariance_factor, covariance_from_pairs

#: Standard deviation of the smoothing kernel of the field in mm.
CORRELATION_LENGTH_MM = 6.0

#: Numbers in the covariances of more than two classes of some planes: 32 MB.
_COVARIANCE_VALUES = 8_000_000


def gaussian_field(
    shape: tuple[int, ...], sigma_voxels: tuple[float, ...], rng: np.random.Generator
) -> Tensor:
    """White noise smoothed by a Gaussian kernel, scaled to unit variance at every voxel.

    The scale is that of the kernel, not of the sample, and the borders wrap, so the variance is one at
    every place and in expectation.

    Args:
        shape: (Z, Y, X).
        sigma_voxels: standard deviation of the kernel along each axis.
        rng: source of the noise.
    """
    noise = rng.standard_normal(shape, dtype=np.float32)
    impulse_gain = 1.0
    for size, sigma in zip(shape, sigma_voxels, strict=True):
        impulse = np.zeros(size)
        impulse[0] = 1.0
        impulse_gain *= float(np.square(gaussian_filter(impulse, sigma, mode="wrap")).sum())
    field = gaussian_filter(noise, sigma_voxels, mode="wrap") / np.sqrt(impulse_gain)
    return torch.from_numpy(field.astype(np.float32, copy=False))


def sample_logits(
    moments: StitchedMoments,
    spacing_mm: tuple[float, float, float],
    n: int,
    seed: int,
    form: CovarianceForm | None = None,
) -> Iterator[StitchedMoments]:
    """Draw logits with the marginal law of ``moments`` and a field of :data:`CORRELATION_LENGTH_MM`.

    Args:
        moments: on the network's grid.
        spacing_mm: of the network's grid.
        n: number of samples.
        seed: equal seeds give equal samples.
        form: what stands for the covariance of more than two classes.

    Yields:
        Moments whose mean is the sample and whose variances are empty.
    """
    rng = np.random.default_rng(seed)
    shape = tuple(moments.mean.shape[1:])
    sigma = tuple(CORRELATION_LENGTH_MM / spacing for spacing in spacing_mm)
    mean = moments.mean.cpu()
    for _ in range(n):
        noise = torch.stack([gaussian_field(shape, sigma, rng) for _ in mean])
        sample = mean + _with_covariance(noise, moments, form)
        yield StitchedMoments(sample, sample[:0], sample[:0])


def _with_covariance(
    noise: Tensor, moments: StitchedMoments, form: CovarianceForm | None
) -> Tensor:
    """(Q, Z, Y, X) white noise of unit variance with the total covariance of each voxel."""
    model, disagreement = moments.model_variance.cpu(), moments.disagreement_variance.cpu()
    if form is None:
        return (model + disagreement).sqrt() * noise
    result = torch.empty_like(noise)
    thickness = max(1, _COVARIANCE_VALUES // (len(noise) ** 2 * noise[0, 0].numel()))
    for start in range(0, noise.shape[1], thickness):
        planes = slice(start, start + thickness)
        values, spread, white = (
            part[:, planes].float().flatten(1) for part in (model, disagreement, noise)
        )
        factor = covariance_factor(_total_covariance(values, spread, form))
        result[:, planes] = torch.einsum("qkn,kn->qn", factor, white).view_as(result[:, planes])
    return result


def _total_covariance(values: Tensor, disagreement: Tensor, form: CovarianceForm) -> Tensor:
    """(C, C, n), regular: with a shift common to all classes, which changes no label."""
    classes = len(disagreement)
    covariance = covariance_from_pairs(form.all_pair_variances(values)[None], classes)[0]
    covariance += torch.diag_embed(disagreement.T).movedim(0, -1)
    return covariance + covariance.diagonal().mean(-1) / classes
