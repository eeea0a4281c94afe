"""A prediction in memory: the label map, and estimates for the voxels in doubt."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobseg.errors import GeometryMismatch
from mobseg.geometry import VolumeGeometry
from mobseg.labels import LabelTable
from mobseg.prediction import COMMON_FIELDS, LABEL_FIELDS, Map, PredictionMaps
from mobseg.sparse_map import Labels, SparseMap, Voxels


@dataclass(frozen=True, eq=False)
class VoxelEstimates:
    """What :class:`mobseg.prediction.PredictionMaps` holds, for n voxels.

    Attributes:
        label_table: the F foreground labels.
        labels: (n,).
        probability_mean: (F, n), like all other arrays float32.
        probability_variance: (F, n).
        predictive_entropy_nats: (n,).
        mutual_information_nats: (n,).
        logit_variance_model: (n,).
        logit_variance_disagreement: (n,).
    """

    label_table: LabelTable
    labels: Labels
    probability_mean: Map
    probability_variance: Map
    predictive_entropy_nats: Map
    mutual_information_nats: Map
    logit_variance_model: Map
    logit_variance_disagreement: Map


@dataclass(frozen=True, eq=False)
class SparsePrediction:
    """Label map and uncertainty on the input's native grid, as far as there is any.

    Everywhere else the probability of the voxel's own label is 1 and all other maps are 0, the logit variances
    by definition: they matter where they leave the probability open, see :mod:`mobseg.certainty`. Of a
    few percent of a CT the maps take a few percent of the memory.

    The maps have the names that they have in :class:`mobseg.prediction.PredictionMaps`; each is made from the
    estimates when it is asked for, without a copy.

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
        return tuple(
            self.map_of(mean, structure=label.value)
            for label, mean in zip(self.label_table, self.estimates.probability_mean, strict=True)
        )

    @property
    def probability_variance(self) -> tuple[SparseMap, ...]:
        """Var[p], for each label."""
        return tuple(self.map_of(variance) for variance in self.estimates.probability_variance)

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

    def map_of(self, values: Map, structure: int | None = None) -> SparseMap:
        """A map of this prediction from its (n,) values; see :class:`mobseg.sparse_map.SparseMap`."""
        return SparseMap(self.labels, self.voxels, values, structure)

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
        order = np.argsort(voxels, kind="stable")
        moved: dict[str, Any] = {
            field.name: value[..., order]
            for field in dataclasses.fields(self.estimates)
            if isinstance(value := getattr(self.estimates, field.name), np.ndarray)
        }
        estimates = dataclasses.replace(self.estimates, **moved)
        return SparsePrediction(geometry, labels, voxels[order], estimates, self.is_stochastic)


#: What regions, summary, report and files can be made from.
AnyPrediction = PredictionMaps | SparsePrediction
