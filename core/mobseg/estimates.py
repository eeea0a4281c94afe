"""From stitched logit moments to the maps of a prediction, slab by slab on the native grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mobseg.geometry import VolumeGeometry
from mobseg.labels import LabelTable
from mobseg.moments import binary_entropy, sigmoid_moments, softmax_moments
from mobseg.prediction import PredictionMaps
from mobseg.prediction_folder.layout import COMMON_MAPS, LABEL_MAPS
from mobseg.prediction_folder.rounding import rounded_map
from mobseg.projections import Coordinates, covariance_from_pairs, softmax_factor

#: Beyond |m| = 16 + s^2 / 2 one minus the probability of the likelier side is at most
#: exp(-|m| + s^2 / 2) < 1.2e-7, the resolution of float32 at 1, so nothing is computed there.
SATURATION = 16.0

#: Numbers in the covariances of one batch of voxels for more than two classes: 32 MB.
_COVARIANCE_VALUES = 8_000_000


@dataclass(frozen=True, eq=False)
class _VoxelEstimates:
    """Estimates for n voxels: probability and its variance (F, n), the two entropies (n,)."""

    mean: Tensor
    variance: Tensor
    entropy: Tensor
    expected_entropy: Tensor


class MapBuilder:
    """Collects slabs of logit moments into :class:`PredictionMaps`.

    Voxels that no slab covers are background without uncertainty. Values are rounded as they are stored, so
    that flagging them in memory and after reading the folder finds the same regions.

    Args:
        geometry: the grid of the maps.
        table: labels in the order of the network's channels.
        coordinates: what the moments are of.
    """

    def __init__(
        self,
        geometry: VolumeGeometry,
        table: LabelTable,
        coordinates: Coordinates,
    ) -> None:
        self._geometry = geometry
        self._table = table
        self._coordinates = coordinates
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
            model: (V, k, j, i) variance that the model predicts; V is 0 if it predicts none.
            disagreement: (Q, k, j, i) variance between windows, mirrors and folds.
        """
        mean, model, disagreement = (tensor.cpu() for tensor in (mean, model, disagreement))
        self._maps["labels"][box] = assign_labels(mean, self._coordinates, self._table).numpy()
        if len(model):
            self._store("logit_variance_model", box, model.mean(0))
        centred = self._coordinates == "centred"
        self._store(
            "logit_variance_disagreement", box, (2.0 if centred else 1.0) * disagreement.mean(0)
        )
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

    def _estimate(self, mean: Tensor, model: Tensor, disagreement: Tensor) -> _VoxelEstimates:
        """(Q, n), (V, n), (Q, n) -> estimates of n voxels."""
        if self._coordinates == "centred":
            return _softmax_estimates(mean, model, disagreement)
        return _sigmoid_estimates(mean, model + disagreement if len(model) else disagreement)


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


def _sigmoid_estimates(mean: Tensor, variance: Tensor) -> _VoxelEstimates:
    """Closed form for one logit, or several independent ones."""
    probability = (mean > 0).to(mean.dtype)
    spread, entropy, expected = (torch.zeros_like(mean) for _ in range(3))
    band = mean.abs() <= SATURATION + 0.5 * variance
    moments = sigmoid_moments(mean[band], variance[band])
    probability[band] = moments.mean
    spread[band] = moments.variance
    entropy[band] = binary_entropy(moments.mean, moments.complement)
    expected[band] = moments.expected_entropy
    return _VoxelEstimates(probability, spread, entropy.sum(0), expected.sum(0))


def _softmax_estimates(mean: Tensor, model: Tensor, disagreement: Tensor) -> _VoxelEstimates:
    """Sobol points for the voxels where more than one of C > 2 classes is possible.

    The variances of all pairs of classes are formed for these voxels only.
    """
    classes, voxels = mean.shape
    best = mean.argmax(0, keepdim=True)
    probability = torch.zeros_like(mean).scatter_(0, best, 1.0)
    spread = torch.zeros_like(mean)
    entropy, expected = mean.new_zeros(voxels), mean.new_zeros(voxels)
    runner_up = mean.scatter(0, best, -torch.inf).amax(0)
    margin = mean.amax(0) - runner_up
    largest = disagreement.topk(2, dim=0).values.sum(0)
    if len(model):
        largest += model.amax(0)
    band = (margin <= SATURATION + 0.5 * largest).nonzero()[:, 0]
    for chunk in torch.split(band, max(1, _COVARIANCE_VALUES // classes**2)):
        variance = _pairs_of(disagreement[:, chunk])
        if len(model):
            variance += model[:, chunk]
        covariance = covariance_from_pairs(variance[None], classes)
        moments = softmax_moments(mean[None, :, chunk], softmax_factor(covariance))
        probability[:, chunk] = moments.mean[0]
        spread[:, chunk] = moments.variance[0]
        entropy[chunk] = torch.special.entr(moments.mean[0]).sum(0)
        expected[chunk] = moments.expected_entropy[0]
    return _VoxelEstimates(probability[1:], spread[1:], entropy, expected)


def _pairs_of(disagreement: Tensor) -> Tensor:
    """Variances of all differences of classes whose disagreements are taken as independent."""
    first, second = torch.triu_indices(len(disagreement), len(disagreement), offset=1)
    return disagreement[first] + disagreement[second]
