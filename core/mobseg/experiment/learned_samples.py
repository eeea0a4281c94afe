"""Label maps with the noise that a model has learned, correlation in space included.

What ``mobseg segment --samples`` draws has the model's law at every voxel and an assumed correlation,
because windows cannot be joined otherwise. A case that fits in one window needs no assumption.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.native import to_native
from mobseg.inference.preprocessing import Preprocessed, preprocess
from mobseg.inference.variance_size import deviation_factor
from mobseg.inference.windows import in_window, pad_to_patch
from mobseg.model import LoadedModel
from mobseg.network.unet import StochasticResidualEncoderUNet
from mobseg.volume import ScalarVolume

Mask = npt.NDArray[np.bool_]


def learned_samples(model: LoadedModel, volume: ScalarVolume, n: int, seed: int) -> list[Mask]:
    """Draw foreground masks of a two-class model on the grid of ``volume``.

    Args:
        model: one stochastic network; its axes are taken as the volume's.
        volume: the case.
        n: number of samples.
        seed: equal seeds give equal samples.

    Returns:
        (K, J, I) masks; none when the model is another one or the case does not fit in one window.
    """
    network = model.networks[0]
    if (
        not isinstance(network, StochasticResidualEncoderUNet)
        or len(model.networks) > 1
        or model.coordinates != "difference"
        or not model.is_stochastic
    ):
        return []
    prepared = preprocess(volume, model.plan)
    padded, inside = pad_to_patch(prepared.data, model.plan.patch_size)
    if tuple(padded.shape[1:]) != tuple(model.plan.patch_size):
        return []
    generator = torch.Generator(model.device).manual_seed(seed)
    with torch.inference_mode():
        distribution = network.distribution(padded[None].to(model.device))
        samples = distribution.rsample(n, generator=generator)[:, 0].cpu()
    differences = samples[:, 1:] - samples[:, :1]
    if model.variance_function is not None:
        mean = (distribution.mean[:, 1:] - distribution.mean[:, :1]).cpu()
        factor = deviation_factor(mean[0], model.variance_function, model.plan.spacing_mm)
        differences = mean + factor * (differences - mean)
    return [_native_mask(in_window(sample, inside), prepared) for sample in differences]


def _native_mask(logit: Tensor, prepared: Preprocessed) -> Mask:
    """(1, Z, Y, X) logit differences on the network's grid -> (K, J, I) mask."""
    grid = prepared.grid
    mask = np.zeros(grid.native_shape_kji, dtype=bool)
    _, j, i = grid.native_box_kji

    def fill(k: slice, mean: Tensor, *_variances: Tensor) -> None:
        mask[k, j, i] = (mean[0] > 0).numpy()

    to_native(StitchedMoments(logit, logit[:0], logit[:0]), grid, fill)
    return mask
