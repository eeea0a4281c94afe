"""One factor on the standard deviation of the logits, fitted on validation cases.

A network that is trained with a Dice term is too sure of itself, and no objective that sees one label per
voxel tells a small mean from a large variance. As temperature scaling does with the mean, this fits one
number to the likelihood, but leaves the mean and so the label map as they are: only the variance grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mobseg.bundle.checkpoint import Checkpoint
from mobseg.bundle.folder import ModelFolder
from mobseg.errors import InvalidInput
from mobseg.experiment.cases import MeasuredCase
from mobseg.experiment.derived_model import write_derived_model
from mobseg.experiment.native_moments import check_two_classes, native_moments
from mobseg.model import LoadedModel
from mobseg.moments import log_expected_sigmoid
from mobseg.network.build import build_network
from mobseg.network.unet import StochasticResidualEncoderUNet
from mobseg.progress import Progress

Floats = npt.NDArray[np.float64]

#: Factors that are tried, six an octave from 1/2 to 16: the minimum is flat.
FACTORS: Floats = np.geomspace(0.5, 16, 31)
FACTORS.setflags(write=False)


@dataclass(frozen=True, eq=False)
class ScaleFit:
    """What each factor gives on the validation cases.

    Attributes:
        nll: (31,) mean over cases of the negative log-likelihood in the band, by :data:`FACTORS`.
        nll_unscaled: the same for the model as it is.
        n_cases: number of cases that have a band.
    """

    nll: Floats
    nll_unscaled: float
    n_cases: int

    @property
    def factor(self) -> float:
        """The factor of the least negative log-likelihood."""
        return float(FACTORS[np.argmin(self.nll)])


def fit_scale(
    model: LoadedModel, cases: Sequence[MeasuredCase], band_mm: float, progress: Progress
) -> ScaleFit:
    """Find the best factor for a two-class model.

    The disagreement of windows, mirrors and folds is not scaled.

    Args:
        model: a stochastic model; its axes are taken as the images'.
        cases: validation cases; where there are several raters, each of them counts.
        band_mm: half width of the boundary band.
        progress: told about every case.

    Raises:
        InvalidInput: see :func:`mobseg.experiment.native_moments.check_two_classes`, or no case has a band.
    """
    check_two_classes(model)
    factors = [*FACTORS.tolist(), 1.0]
    rows = []
    for index, case in enumerate(cases):
        progress.raise_if_cancelled()
        progress.report(f"Case {index + 1} of {len(cases)}", index / len(cases))
        row = _case_likelihoods(model, case, band_mm, factors)
        if row is not None:
            rows.append(row)
    if not rows:
        raise InvalidInput("No case has a boundary to fit the variance at; add cases.")
    mean = np.mean(rows, axis=0)
    return ScaleFit(mean[:-1], float(mean[-1]), len(rows))


def _case_likelihoods(
    model: LoadedModel, case: MeasuredCase, band_mm: float, factors: Sequence[float]
) -> Floats | None:
    moments = native_moments(model, case, band_mm)
    if not moments.band.any():
        return None
    band = moments.band
    mean, variance, disagreement, share = (
        values[band].double()
        for values in (moments.mean, moments.variance, moments.disagreement, moments.share)
    )
    return np.array(
        [_likelihood(mean, factor**2 * variance + disagreement, share).item() for factor in factors]
    )


def _likelihood(mean: Tensor, variance: Tensor, share: Tensor) -> Tensor:
    """Mean over voxels and raters of -log E[p of what the rater says]."""
    inside = log_expected_sigmoid(mean, variance)
    outside = log_expected_sigmoid(-mean, variance)
    return -(share * inside + (1 - share) * outside).mean()


def write_scaled_model(
    model: ModelFolder, factor: float, fit: ScaleFit | None, target: Path
) -> None:
    """Write a model folder whose logits deviate ``factor`` times as much.

    Args:
        model: the model as it was trained.
        factor: on the standard deviation, positive.
        fit: how the factor was found, to keep with the model.
        target: the folder to make.

    Raises:
        InvalidInput: the factor is not positive, or the model has no variance.
        OutputError: the folder exists or cannot be written.
    """
    if not factor > 0:
        raise InvalidInput(f"The factor must be positive, got {factor}.")
    record = {"factor": factor}
    if fit is not None:
        record |= {
            "nll_band": float(fit.nll.min()),
            "nll_band_unscaled": fit.nll_unscaled,
            "n_cases": fit.n_cases,
        }
    scaled = partial(_scaled, model=model, factor=factor)
    write_derived_model(model, target, change=scaled, record=record)


def _scaled(checkpoint: Checkpoint, model: ModelFolder, factor: float) -> Checkpoint:
    architecture = model.configuration["architecture"]
    network = build_network(architecture, model.n_outputs, checkpoint.weights)
    if not isinstance(network, StochasticResidualEncoderUNet):
        raise InvalidInput("The model predicts no variance that could be scaled.")
    network.head.scale_deviation(factor)
    return replace(checkpoint, weights=network.state_dict())
