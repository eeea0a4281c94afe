"""Moments of the logits of validation cases on the native grid, beside what the raters say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mobseg.device import choose_precision
from mobseg.errors import InvalidInput
from mobseg.experiment.cases import MeasuredCase
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.native import to_native
from mobseg.inference.preprocessing import GridRecord, preprocess
from mobseg.inference.sliding_window import predict_moments
from mobseg.inference.variance_size import distance_to_other_label
from mobseg.metrics.band import boundary_band
from mobseg.model import LoadedModel

Mask = npt.NDArray[np.bool_]

#: Up to where distances to the other label are told apart.
LARGEST_DISTANCE_MM = 80.0


@dataclass(frozen=True, eq=False)
class NativeMoments:
    """The N voxels of a case that lie in the native box; all arrays are (N,).

    Attributes:
        mean: of the difference of the two logits.
        variance: that the model predicts.
        disagreement: variance between windows, mirrors and folds.
        distance_mm: to the nearest voxel with the other label, measured on the network's grid.
        share: share of the raters, or of the one reference, who say foreground.
        band: whether the voxel lies in the boundary band.
    """

    mean: Tensor
    variance: Tensor
    disagreement: Tensor
    distance_mm: Tensor
    share: Tensor
    band: Tensor


def check_two_classes(model: LoadedModel) -> None:
    """See that the size of a model's variance can be fitted.

    Raises:
        InvalidInput: it has no variance, more than two classes, or a variance function already.
    """
    if not model.is_stochastic or model.coordinates != "difference":
        raise InvalidInput(
            "Only a stochastic model of two classes can be scaled; fine-tune one with mobseg finetune."
        )
    if model.variance_function is not None:
        raise InvalidInput(
            "The model has a variance function already; use the model as it was trained."
        )


def native_moments(model: LoadedModel, case: MeasuredCase, band_mm: float) -> NativeMoments:
    """Predict a case with a two-class model; the model's axes are taken as the image's.

    Args:
        model: see :func:`check_two_classes`.
        case: where there are several raters, each of them counts.
        band_mm: half width of the boundary band.
    """
    volume = read_scalar_volume(case.case.image).volume
    prepared = preprocess(volume, model.plan)
    precision = choose_precision("auto", model.device)
    result = predict_moments(prepared.data, model.moment_fns(precision), model.plan.patch_size)
    distance = distance_to_other_label(
        result.moments.mean[0], model.plan.spacing_mm, LARGEST_DISTANCE_MM
    )
    native, inside = _on_native_grid(result.moments, distance, prepared.grid)
    reference = read_label_volume(case.case.reference).array > 0
    predicted = (native[0] > 0).numpy()
    band = boundary_band(
        predicted.astype(np.uint8),
        reference.astype(np.uint8),
        volume.geometry.spacing_kji_mm,
        band_mm,
    )
    raters = [read_label_volume(path).array > 0 for path in case.raters] or [reference]
    share = torch.from_numpy(np.mean(raters, axis=0, dtype=np.float32))
    mean, distances, variance, disagreement = native[:, inside]
    return NativeMoments(
        mean, variance, disagreement, distances, share[inside], torch.from_numpy(band)[inside]
    )


def _on_native_grid(
    moments: StitchedMoments, distance: Tensor, grid: GridRecord
) -> tuple[Tensor, Tensor]:
    """(4, K, J, I) mean, distance, model variance and disagreement, and the mask of the native box."""
    native = torch.zeros(4, *grid.native_shape_kji)
    inside = torch.zeros(grid.native_shape_kji, dtype=torch.bool)
    _, j, i = grid.native_box_kji

    def fill(k: slice, *slabs: Tensor) -> None:
        native[:, k, j, i] = torch.cat(slabs).cpu()
        inside[k, j, i] = True

    together = StitchedMoments(
        torch.cat([moments.mean, distance[None]]),
        moments.model_variance,
        moments.disagreement_variance,
    )
    to_native(together, grid, fill)
    return native, inside
