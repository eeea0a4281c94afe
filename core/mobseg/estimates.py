"""From logit moments to a prediction: labels for all voxels, estimates for those in doubt."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mobseg.active_classes import ProbabilityMoments, softmax_estimates
from mobseg.certainty import IN_DOUBT, SATURATION, certain_class
from mobseg.covariance.form import CovarianceForm
from mobseg.geometry import VolumeGeometry
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.native_sweep import NativeSweep
from mobseg.inference.preprocessing import GridRecord
from mobseg.labels import LabelTable
from mobseg.moments import binary_entropy, sigmoid_moments
from mobseg.prediction import COMMON_FIELDS, LABEL_FIELDS
from mobseg.prediction_folder.rounding import rounded_map
from mobseg.projections import Coordinates
from mobseg.sparse_prediction import SparsePrediction, VoxelEstimates


class PredictionBuilder:
    """Collects logit moments on the network's grid into a :class:`SparsePrediction` on the native one.

    Voxels outside the network's box are background without uncertainty. Values are rounded as they are
    stored, so that flagging them in memory and after reading the folder finds the same regions.

    Args:
        geometry: the native grid.
        grid: the record of the preprocessing.
        table: labels in the order of the network's channels.
        coordinates: what the moments are of.
        form: what stands for the covariance of more than two classes.
    """

    def __init__(
        self,
        geometry: VolumeGeometry,
        grid: GridRecord,
        table: LabelTable,
        coordinates: Coordinates,
        form: CovarianceForm | None = None,
    ) -> None:
        self._geometry = geometry
        self._table = table
        self._coordinates = coordinates
        self._form = form
        self._classify = partial(certain_class, coordinates=coordinates, form=form)
        self._sweep = NativeSweep(grid, self._classify, self)
        dtype = label_dtype(table)
        self._value_of_class = np.array([0, 0, *(label.value for label in table)], dtype)
        self._labels = np.zeros(geometry.shape_kji, dtype)
        self._box = self._labels.transpose(grid.transpose_forward)[grid.crop]
        nothing = np.zeros(0, np.float32)
        self._voxels: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
        self._values: dict[str, list[npt.NDArray[np.float32]]] = {
            **{field: [nothing.reshape(len(table), 0)] for field in LABEL_FIELDS},
            **{field: [nothing] for field in COMMON_FIELDS},
        }

    def add(self, moments: StitchedMoments) -> None:
        """Take the next planes along the network's first axis: all of them, or consecutive slabs."""
        self._sweep.add(moments)

    def add_classes(self, planes: slice, classes: Tensor) -> None:
        """Label whole planes; for the sweep."""
        self._box[planes] = self._value_of_class[classes.numpy()]

    def add_moments(self, index: Tensor, mean: Tensor, model: Tensor, disagreement: Tensor) -> None:
        """Label single voxels, and keep estimates of those in doubt; for the sweep."""
        labels = assign_labels(mean, self._coordinates, self._table)
        self._labels.reshape(-1)[index.numpy()] = labels.numpy()
        # Between voxels of which only some are in doubt, others are not.
        doubtful = (self._classify(mean, model, disagreement) == IN_DOUBT).nonzero()[:, 0]
        mean, model, disagreement = (part[:, doubtful] for part in (mean, model, disagreement))
        estimates = self._estimate(mean, model, disagreement)
        self._voxels.append(index[doubtful].numpy())
        if self._form is None:
            self._store("logit_variance_model", model.mean(0) if len(model) else 0 * mean[0])
            self._store("logit_variance_disagreement", disagreement.mean(0))
        else:
            self._store("logit_variance_model", self._form.mean_pair_variance(model))
            self._store("logit_variance_disagreement", 2.0 * disagreement.mean(0))
        self._store("probability_mean", estimates.mean)
        self._store("probability_variance", estimates.variance)
        self._store("predictive_entropy_nats", estimates.entropy)
        information = (estimates.entropy - estimates.expected_entropy).clamp_min(0.0)
        self._store("mutual_information_nats", information)

    def finish(self, *, is_stochastic: bool) -> SparsePrediction:
        """The prediction."""
        voxels = np.concatenate(self._voxels)
        values: dict[str, Any] = {
            field: np.concatenate(parts, axis=-1) for field, parts in self._values.items()
        }
        labels = self._labels.reshape(-1)[voxels]
        estimates = VoxelEstimates(self._table, labels, **values)
        found = SparsePrediction(self._geometry, self._labels, voxels, estimates, is_stochastic)
        return found.moved(self._geometry, self._labels, voxels)

    def _store(self, field: str, values: Tensor) -> None:
        self._values[field].append(rounded_map(field, values.numpy()))

    def _estimate(self, mean: Tensor, model: Tensor, disagreement: Tensor) -> ProbabilityMoments:
        """(Q, n), (V, n), (Q, n) -> estimates of n voxels."""
        if self._form is not None:
            return softmax_estimates(mean, model, disagreement, self._form)
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


def _sigmoid_estimates(mean: Tensor, variance: Tensor) -> ProbabilityMoments:
    """Closed form for one logit, or several independent ones."""
    probability = (mean > 0).to(mean.dtype)
    spread, entropy, expected = (torch.zeros_like(mean) for _ in range(3))
    band = mean.abs() <= SATURATION + 0.5 * variance
    moments = sigmoid_moments(mean[band], variance[band])
    probability[band] = moments.mean
    spread[band] = moments.variance
    entropy[band] = binary_entropy(moments.mean, moments.complement)
    expected[band] = moments.expected_entropy
    return ProbabilityMoments(probability, spread, entropy.sum(0), expected.sum(0))
