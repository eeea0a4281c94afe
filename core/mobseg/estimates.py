"""From logit moments to a prediction: labels for all voxels, estimates for those in doubt."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mobseg.active_classes import ProbabilityMoments, softmax_estimates
from mobseg.certainty import IN_DOUBT, SATURATION, certain_class
from mobseg.covariance.form import CovarianceForm, best_class
from mobseg.geometry import VolumeGeometry
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.preprocessing import GridRecord
from mobseg.inference.tiled_sweep import TiledSweep
from mobseg.inference.windows import Window
from mobseg.label_estimates import LabelEstimates
from mobseg.labels import LabelTable
from mobseg.moments import binary_entropy, sigmoid_moments
from mobseg.prediction_folder.rounding import rounded_map
from mobseg.projections import Coordinates
from mobseg.sparse_prediction import SparsePrediction, VoxelEstimates


@dataclass(frozen=True, eq=False)
class _Found:
    """Flat indices (n,) of some voxels in doubt, and the rounded estimates there."""

    voxels: npt.NDArray[np.int64]
    estimates: VoxelEstimates


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
        self._sweep = TiledSweep(grid, self._classify, self)
        dtype = label_dtype(table)
        self._values = np.array([label.value for label in table], dtype)
        self._value_of_class = np.concatenate((np.zeros(2, dtype), self._values))
        self._labels = np.zeros(geometry.shape_kji, dtype)
        self._box = self._labels.transpose(grid.transpose_forward)[grid.crop]
        self._found = [_Found(np.zeros(0, np.int64), VoxelEstimates.of_no_voxels(table))]

    def add(self, box: Window, moments: StitchedMoments) -> None:
        """Take the next tile of the network's grid, the last axis fastest."""
        self._sweep.add(box, moments)

    def add_classes(self, box: Window, classes: Tensor) -> None:
        """Label all planes of a box; for the sweep."""
        self._box[box] = self._value_of_class.take(classes.numpy())

    def add_moments(self, index: Tensor, mean: Tensor, model: Tensor, disagreement: Tensor) -> None:
        """Label single voxels, and keep estimates of those in doubt; for the sweep.

        Threads add in any order; :meth:`finish` puts the voxels into theirs.
        """
        labels = assign_labels(mean, self._coordinates, self._table)
        self._labels.reshape(-1)[index.numpy()] = labels.numpy()
        # Between voxels of which only some are in doubt, others are not.
        doubtful = (self._classify(mean, model, disagreement) == IN_DOUBT).nonzero()[:, 0]
        mean, model, disagreement = (
            part.index_select(1, doubtful) for part in (mean, model, disagreement)
        )
        own = labels[doubtful].numpy().astype(self._labels.dtype)
        found = self._estimates(own, mean, model, disagreement)
        self._found.append(_Found(index[doubtful].numpy(), found))

    def finish(self, *, is_stochastic: bool) -> SparsePrediction:
        """The prediction."""
        voxels = np.concatenate([found.voxels for found in self._found])
        order = np.argsort(voxels, kind="stable")
        estimates = VoxelEstimates.joined([found.estimates for found in self._found], order)
        return SparsePrediction(
            self._geometry, self._labels, voxels[order], estimates, is_stochastic
        )

    def _estimates(
        self,
        labels: npt.NDArray[np.unsignedinteger],
        mean: Tensor,
        model: Tensor,
        disagreement: Tensor,
    ) -> VoxelEstimates:
        """Labels (n,), moments (Q or V, n) -> rounded estimates of n voxels."""
        moments = self._probability_moments(mean, model, disagreement)
        of_model, of_passes = self._logit_variances(model, disagreement)
        common = {
            "logit_variance_model": of_model,
            "logit_variance_disagreement": of_passes,
            "predictive_entropy_nats": moments.entropy,
            "mutual_information_nats": (moments.entropy - moments.expected_entropy).clamp_min(0.0),
        }
        of_labels = LabelEstimates.of(
            moments.mean.numpy(), moments.variance.numpy(), labels == self._values[:, None]
        )
        of_labels = dataclasses.replace(
            of_labels,
            mean=rounded_map("probability_mean", of_labels.mean),
            variance=rounded_map("probability_variance", of_labels.variance),
        )
        rounded = {field: rounded_map(field, value.numpy()) for field, value in common.items()}
        return VoxelEstimates(self._table, labels, of_labels, **rounded)

    def _logit_variances(self, model: Tensor, disagreement: Tensor) -> tuple[Tensor, Tensor]:
        """(V, n), (Q, n) -> the mean variance of each kind over the coordinates or pairs, (n,)."""
        if self._form is not None:
            return self._form.mean_pair_variance(model), 2.0 * disagreement.mean(0)
        spread = disagreement.mean(0)
        return model.mean(0) if len(model) else torch.zeros_like(spread), spread

    def _probability_moments(
        self, mean: Tensor, model: Tensor, disagreement: Tensor
    ) -> ProbabilityMoments:
        """(Q, n), (V, n), (Q, n) -> moments of n voxels."""
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
        return values[best_class(mean)]
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
