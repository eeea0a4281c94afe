"""A variance function, fitted to the likelihood of all voxels of validation cases.

The band around the boundaries, to which one factor is fitted, is drawn with the reference in hand: it
holds every part that was missed, which no model can know. Fitted there, a model expects far too many
errors everywhere else. All voxels of the validation cases are what it will meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mobseg.bundle.folder import ModelFolder
from mobseg.bundle.variance_function import VARIANCE_KEY, VarianceFunction
from mobseg.errors import InvalidInput
from mobseg.experiment.cases import MeasuredCase
from mobseg.experiment.derived_model import write_derived_model
from mobseg.experiment.native_moments import (
    LARGEST_DISTANCE_MM,
    check_two_classes,
    native_moments,
)
from mobseg.experiment.variance_cells import VarianceCells
from mobseg.inference.variance_size import interpolate
from mobseg.model import LoadedModel
from mobseg.progress import Progress

#: Distances at which a factor is fitted.
DISTANCES_MM = (0.0, 2.5, 5.0, 10.0, 20.0, 40.0, LARGEST_DISTANCE_MM)

#: One nat for a step of 1 in the log factor between neighbouring knots: nothing against thousands of wrong
#: voxels, but where the cases have no voxels it keeps the curve flat.
_SMOOTHNESS_NATS = 1.0

_ITERATIONS = 100


@dataclass(frozen=True)
class FunctionFit:
    """A function and what it does on the cases that it was fitted to.

    Attributes:
        function: the best one.
        n_cases: number of cases.
        nll: negative log-likelihood, the mean over all voxels of all cases.
        nll_band: the same over the band around the boundaries.
        nll_unscaled: as ``nll``, of the model as it is.
        nll_band_unscaled: as ``nll_band``, of the model as it is.
        expected_over_measured: expected over measured number of wrong voxels.
        expected_over_measured_unscaled: the same of the model as it is.
    """

    function: VarianceFunction
    n_cases: int
    nll: float
    nll_band: float
    nll_unscaled: float
    nll_band_unscaled: float
    expected_over_measured: float
    expected_over_measured_unscaled: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the function."""
        return {name: value for name, value in vars(self).items() if name != "function"}


def fit_function(
    model: LoadedModel, cases: Sequence[MeasuredCase], band_mm: float, progress: Progress
) -> FunctionFit:
    """Find the best variance function for a two-class model.

    Args:
        model: a stochastic model; its axes are taken as the images'.
        cases: validation cases; where there are several raters, each of them counts.
        band_mm: half width of the boundary band, for the figures; the fit takes all voxels.
        progress: told about every case.

    Raises:
        InvalidInput: see :func:`mobseg.experiment.native_moments.check_two_classes`, or no voxel of any
            case is wrong.
    """
    check_two_classes(model)
    parts = []
    for index, case in enumerate(cases):
        progress.raise_if_cancelled()
        progress.report(f"Case {index + 1} of {len(cases)}", index / len(cases))
        parts.append(VarianceCells.of(native_moments(model, case, band_mm)))
    cells = VarianceCells.joined(parts)
    if not cells.n_wrong:
        raise InvalidInput(
            "No voxel of the cases is wrong, so no variance can be fitted; add cases."
        )
    logs = fitted_logs(cells)
    factor = _factor(cells, logs)
    function = VarianceFunction(DISTANCES_MM, tuple(logs.exp().tolist()))
    everywhere, band = cells.voxels, cells.voxels * cells.band
    after, before = cells.nll(factor), cells.nll(1.0)
    return FunctionFit(
        function,
        n_cases=len(parts),
        nll=_ratio(after, everywhere),
        nll_band=_ratio(after * cells.band, band),
        nll_unscaled=_ratio(before, everywhere),
        nll_band_unscaled=_ratio(before * cells.band, band),
        expected_over_measured=cells.expected_wrong(factor) / cells.n_wrong,
        expected_over_measured_unscaled=cells.expected_wrong(1.0) / cells.n_wrong,
    )


def fitted_logs(cells: VarianceCells) -> Tensor:
    """(K,) logarithms of the best factors at :data:`DISTANCES_MM`."""
    logs = torch.zeros(len(DISTANCES_MM), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [logs], max_iter=_ITERATIONS, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        nats = cells.nll(_factor(cells, logs)).sum()
        value: Tensor = (nats + _SMOOTHNESS_NATS * logs.diff().square().sum()) / cells.n_wrong
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return logs.detach()


def _factor(cells: VarianceCells, logs: Tensor) -> Tensor:
    return interpolate(cells.distance_mm, logs.new_tensor(DISTANCES_MM), logs).exp()


def _ratio(sums: Tensor, voxels: Tensor) -> float:
    return float(sums.sum() / voxels.sum())


def write_model_with_function(model: ModelFolder, fit: FunctionFit, target: Path) -> None:
    """Write a model folder with the same networks and the fitted function in its plans.

    Args:
        model: the model as it was trained.
        fit: the function, and what it does, which is kept beside the plans.
        target: the folder to make.

    Raises:
        OutputError: the folder exists or cannot be written.
    """
    plans = model.plans | {VARIANCE_KEY: fit.function.to_dict()}
    write_derived_model(model, target, plans=plans, record=fit.to_dict())
