"""A prediction in memory: the label map, and estimates for the voxels in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mobseg.errors import GeometryMismatch
from mobseg.geometry import VolumeGeometry
from mobseg.label_blocks import LabelBlocks
from mobseg.label_estimates import LabelEstimates
from mobseg.labels import LabelTable
from mobseg.prediction import COMMON_FIELDS, LABEL_FIELDS, Map, PredictionMaps
from mobseg.sparse_map import Labels, SparseMap, Voxels


@dataclass(frozen=True, eq=False)
class VoxelEstimates:
    """What :class:`mobseg.prediction.PredictionMaps` holds, for n voxels.

    Attributes:
        label_table: the F foreground labels.
        labels: (n,).
        of_labels: E[p] and Var[p].
        predictive_entropy_nats: (n,), like all others float32.
        mutual_information_nats: (n,).
        logit_variance_model: (n,).
        logit_variance_disagreement: (n,).
    """

    label_table: LabelTable
    labels: Labels
    of_labels: LabelEstimates
    predictive_entropy_nats: Map
    mutual_information_nats: Map
    logit_variance_model: Map
    logit_variance_disagreement: Map

    @classmethod
    def of_no_voxels(cls, label_table: LabelTable) -> VoxelEstimates:
        """Nothing yet, to join parts to."""
        nothing = np.zeros(0, np.float32)
        of_labels = LabelEstimates(
            nothing.astype(np.uint16), nothing.astype(np.int32), nothing, nothing
        )
        return cls(
            label_table,
            nothing.astype(np.uint8),
            of_labels,
            **dict.fromkeys(COMMON_FIELDS, nothing),
        )

    @classmethod
    def joined(cls, parts: Sequence[VoxelEstimates], order: Voxels) -> VoxelEstimates:
        """Of the voxels of all parts.

        Args:
            parts: one at least.
            order: (n,) which comes first, counting the voxels of one part after those of the other.
        """
        common: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])[order]
            for name in COMMON_FIELDS
        }
        of_labels = LabelEstimates.joined(
            [part.of_labels for part in parts], [len(part.labels) for part in parts], _places(order)
        )
        labels = np.concatenate([part.labels for part in parts])[order]
        return cls(parts[0].label_table, labels, of_labels, **common)

    def moved(self, order: Voxels) -> VoxelEstimates:
        """Of the voxels in another order, (n,) their places in this one."""
        common: dict[str, Any] = {name: getattr(self, name)[order] for name in COMMON_FIELDS}
        return VoxelEstimates(
            self.label_table, self.labels[order], self.of_labels.moved(_places(order)), **common
        )


def _places(order: Voxels) -> Voxels:
    """Where each of the things that are put into an order comes to lie."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place


@dataclass(frozen=True, eq=False)
class SparsePrediction:
    """Label map and uncertainty on the input's native grid, as far as there is any.

    Everywhere else the probability of the voxel's own label is 1 and all other maps are 0, the logit variances
    by definition: they matter where they leave the probability open, see :mod:`mobseg.certainty`. Of a
    few percent of a CT the maps take a few percent of the memory.

    The maps have the names that they have in :class:`mobseg.prediction.PredictionMaps`; each is made from the
    estimates when it is asked for.

    Attributes:
        geometry: the input's grid.
        labels: (K, J, I) unsigned integers.
        voxels: (n,) int64, ascending indices into the flattened grid.
        estimates: the maps at these voxels.
        is_stochastic: whether the model predicts a variance at all.
    """

    geometry: VolumeGeometry
    labels: Labels
    voxels: Voxels
    estimates: VoxelEstimates
    is_stochastic: bool

    def __post_init__(self) -> None:
        if self.labels.shape != self.geometry.shape_kji:
            raise GeometryMismatch(
                f"labels has shape {self.labels.shape}, expected {self.geometry.shape_kji}."
            )

    @property
    def label_table(self) -> LabelTable:
        """Names, colours and terminology of the labels."""
        return self.estimates.label_table

    @property
    def probability_mean(self) -> tuple[SparseMap, ...]:
        """E[p], for each label."""
        found = self.estimates.of_labels
        return tuple(
            SparseMap(self._blocks, voxels, found.mean[span], label.value)
            for (voxels, span), label in zip(self._entries, self.label_table, strict=True)
        )

    @property
    def probability_variance(self) -> tuple[SparseMap, ...]:
        """Var[p], for each label."""
        variance = self.estimates.of_labels.variance
        return tuple(
            SparseMap(self._blocks, voxels, variance[span]) for voxels, span in self._entries
        )

    @property
    def predictive_entropy_nats(self) -> SparseMap:
        """Entropy of E[p]."""
        return self.map_of(self.estimates.predictive_entropy_nats)

    @property
    def mutual_information_nats(self) -> SparseMap:
        """Entropy of E[p] minus E[entropy of p]."""
        return self.map_of(self.estimates.mutual_information_nats)

    @property
    def logit_variance_model(self) -> SparseMap:
        """The part of the logit variance that the model predicts."""
        return self.map_of(self.estimates.logit_variance_model)

    @property
    def logit_variance_disagreement(self) -> SparseMap:
        """The part of the logit variance that is the spread between passes."""
        return self.map_of(self.estimates.logit_variance_disagreement)

    def map_of(self, values: Map) -> SparseMap:
        """A map of this prediction from its (n,) values, 0 elsewhere."""
        return SparseMap(self._blocks, self.voxels, values)

    def dense(self) -> PredictionMaps:
        """All maps with all voxels, made anew."""
        maps: dict[str, Any] = {field: getattr(self, field).dense() for field in COMMON_FIELDS}
        maps |= {
            field: np.stack([sparse.dense() for sparse in getattr(self, field)])
            for field in LABEL_FIELDS
        }
        return PredictionMaps(
            geometry=self.geometry,
            label_table=self.label_table,
            labels=self.labels,
            is_stochastic=self.is_stochastic,
            **maps,
        )

    def moved(self, geometry: VolumeGeometry, labels: Labels, voxels: Voxels) -> SparsePrediction:
        """The same estimates on another grid.

        Args:
            geometry: the other grid.
            labels: the label map there.
            voxels: (n,) where the voxels are there, in any order.
        """
        estimates = self.estimates
        if not (voxels[:-1] < voxels[1:]).all():  # as where an axis runs the other way
            order = np.argsort(voxels, kind="stable")
            voxels, estimates = voxels[order], estimates.moved(order)
        return SparsePrediction(geometry, labels, voxels, estimates, self.is_stochastic)

    @cached_property
    def _blocks(self) -> LabelBlocks:
        return LabelBlocks(self.labels)

    @property
    def _entries(self) -> Iterator[tuple[Voxels, slice]]:
        """For each label where it has estimates, and which."""
        of_labels = self.estimates.of_labels
        for channel in range(len(self.label_table)):
            span = of_labels.span(channel)
            yield self.voxels[of_labels.voxel[span]], span


#: What regions, summary, report and files can be made from.
AnyPrediction = PredictionMaps | SparsePrediction
