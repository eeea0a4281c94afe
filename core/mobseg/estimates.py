"""From stitched logit moments to the maps of a prediction, slab by slab on the native grid."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mobseg.active_classes import VoxelEstimates, softmax_estimates
from mobseg.covariance.form import CovarianceForm
from mobseg.geometry import VolumeGeometry
from mobseg.labels import LabelTable
from mobseg.moments import binary_entropy, sigmoid_moments
from mobseg.prediction import PredictionMaps
from mobseg.prediction_folder.layout import COMMON_MAPS, LABEL_MAPS
from mobseg.prediction_folder.rounding import rounded_map
from mobseg.projections import Coordinates

#: Beyond |m| = 16 + s^2 / 2 one minus the probability of the likelier side is at most
#: exp(-|m| + s^2 / 2) < 1.2e-7, the resolution of float32 at 1, so nothing is computed there.
SATURATION = 16.0


class MapBuilder:
    """Collects slabs of logit moments into :class:`PredictionMaps`.

    Voxels that no slab covers are background without uncertainty. Values are rounded as they are stored, so
    that flagging them in memory and after reading the folder finds the same regions.

    Args:
        geometry: the grid of the maps.
        table: labels in the order of the network's channels.
        coordinates: what the moments are of.
        form: what stands for the covariance of more than two classes.
    """

    def __init__(
        self,
        geometry: VolumeGeometry,
        table: LabelTable,
        coordinates: Coordinates,
        form: CovarianceForm | None = None,
    ) -> None:
        self._geometry = geometry
        self._table = table
        self._coordinates = coordinates
        self._form = form
        shape = geometry.shape_kji
        per_label = (len(table), *shape)
        self._maps: dict[str, npt.NDArray[Any]] = {
            "labels": np.zeros(shape, label_dtype(table)),
            **{field: np.zeros(per_label, np.float32) for field in LABEL_MAPS},
            **{field: np.zeros(shape, np.float32) for field in COMMON_MAPS},
        }

    def add(
        self, box: tuple[slice, slice, slice], mean: Tensor, model: Tensor, disagreement: Tensor
    ) -> None:
        """Fill one box of the grid.

        Args:
            box: where, along (k, j, i).
            mean: (Q, k, j, i) mean of the logit coordinates.
            model: (V, k, j, i) variance that the model predicts, or what stands for it.
            disagreement: (Q, k, j, i) variance between windows, mirrors and folds.
        """
        mean, model, disagreement = (tensor.cpu().float() for tensor in (mean, model, disagreement))
        self._maps["labels"][box] = assign_labels(mean, self._coordinates, self._table).numpy()
        if self._form is None:
            self._store("logit_variance_model", box, model.mean(0))
            self._store("logit_variance_disagreement", box, disagreement.mean(0))
        else:
            self._store("logit_variance_model", box, self._form.mean_pair_variance(model))
            self._store("logit_variance_disagreement", box, 2.0 * disagreement.mean(0))
        estimates = self._estimate(mean.flatten(1), model.flatten(1), disagreement.flatten(1))
        information = (estimates.entropy - estimates.expected_entropy).clamp_min(0.0)
        self._store("probability_mean", box, estimates.mean)
        self._store("probability_variance", box, estimates.variance)
        self._store("predictive_entropy_nats", box, estimates.entropy)
        self._store("mutual_information_nats", box, information)

    def finish(self, *, is_stochastic: bool) -> PredictionMaps:
        """The maps."""
        return PredictionMaps(
            geometry=self._geometry,
            label_table=self._table,
            **self._maps,
            is_stochastic=is_stochastic,
        )

    def _store(self, field: str, box: tuple[slice, slice, slice], values: Tensor) -> None:
        k, j, i = box
        part = self._maps[field][..., k, j, i]
        part[...] = rounded_map(field, values.numpy().reshape(part.shape))

    def _estimate(self, mean: Tensor, model: Tensor, disagreement: Tensor) -> VoxelEstimates:
        """(Q, n), (V, n), (Q, n) -> estimates of n voxels."""
        if self._form is not None:
            return _softmax_estimates(mean, model, disagreement, self._form)
        return _sigmoid_estimates(mean, model + disagreement)


def label_dtype(table: LabelTable) -> type[np.unsignedinteger]:
    """The smallest type that holds all label values."""
    return np.uint8 if max(label.value for label in table) < 256 else np.uint16


def assign_labels(mean: Tensor, coordinates: Coordinates, table: LabelTable) -> Tensor:
    """Label values from mean logits as stock nnU-Net assigns them: the largest, or the last region > 0.

    Args:
        mean: (Q, *S) logit coordinates.
        coordinates: what they are.
        table: labels in the order of the network's channels.

    Returns:
        (*S) int32.
    """
    if coordinates == "centred":
        values = torch.tensor([0, *(label.value for label in table)], dtype=torch.int32)
        return values[mean.argmax(0)]
    labels = torch.zeros(mean.shape[1:], dtype=torch.int32)
    for logit, label in zip(mean, table, strict=True):
        labels[logit > 0] = label.value
    return labels


def _sigmoid_estimates(mean: Tensor, variance: Tensor) -> VoxelEstimates:
    """Closed form for one logit, or several independent ones."""
    probability = (mean > 0).to(mean.dtype)
    spread, entropy, expected = (torch.zeros_like(mean) for _ in range(3))
    band = mean.abs() <= SATURATION + 0.5 * variance
    moments = sigmoid_moments(mean[band], variance[band])
    probability[band] = moments.mean
    spread[band] = moments.variance
    entropy[band] = binary_entropy(moments.mean, moments.complement)
    expected[band] = moments.expected_entropy
    return VoxelEstimates(probability, spread, entropy.sum(0), expected.sum(0))


def _softmax_estimates(
    mean: Tensor, model: Tensor, disagreement: Tensor, form: CovarianceForm
) -> VoxelEstimates:
    """(C, n), (V, n), (C, n) -> estimates; evaluated where more than one class is possible."""
    best = mean.argmax(0, keepdim=True)
    runner_up = mean.scatter(0, best, -torch.inf).amax(0)
    margin = mean.amax(0) - runner_up
    largest = disagreement.topk(2, dim=0).values.sum(0) + form.largest_pair_variance(model)
    band = (margin <= SATURATION + 0.5 * largest).nonzero()[:, 0]
    certain = torch.zeros_like(mean).scatter_(0, best, 1.0)
    zeros = mean.new_zeros(mean.shape[1])
    estimates = VoxelEstimates(certain[1:], torch.zeros_like(mean[1:]), zeros, zeros.clone())
    doubtful = softmax_estimates(mean[:, band], model[:, band], disagreement[:, band], form)
    for field in dataclasses.fields(VoxelEstimates):
        getattr(estimates, field.name)[..., band] = getattr(doubtful, field.name)
    return estimates
