"""What a segmentation run produces: label map, uncertainty maps and the record of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.errors import GeometryMismatch
from mobseg.geometry import VolumeGeometry
from mobseg.labels import LabelTable

Map = npt.NDArray[np.float32]

#: Fields of :class:`PredictionMaps` with one map for each label.
LABEL_FIELDS = ("probability_mean", "probability_variance")

#: Fields with one map for all labels.
COMMON_FIELDS = (
    "predictive_entropy_nats",
    "mutual_information_nats",
    "logit_variance_model",
    "logit_variance_disagreement",
)


@dataclass(frozen=True, eq=False)
class PredictionMaps:
    """Label map and uncertainty on the input's native grid.

    F is the number of foreground labels, in the order of ``label_table``.

    Attributes:
        geometry: the input's grid.
        label_table: names, colours and terminology of the labels.
        labels: (K, J, I) unsigned integers.
        probability_mean: (F, K, J, I) float32, E[p] under the predictive distribution of the logits.
        probability_variance: (F, K, J, I) float32, Var[p]; all zero for a deterministic model that was
            run once over every voxel.
        predictive_entropy_nats: (K, J, I) float32, entropy of E[p].
        mutual_information_nats: (K, J, I) float32, entropy of E[p] minus E[entropy of p].
        logit_variance_model: (K, J, I) float32, mean over pairs of classes of the variance of their logit
            difference, as predicted by the model (for two classes: the variance of the foreground logit).
            0 where it leaves no doubt about the class, see :mod:`mobseg.certainty`.
        logit_variance_disagreement: the same quantity, as the spread between overlapping windows, mirrored
            passes and folds.
        is_stochastic: whether the model predicts a variance at all. Where it does not, the variance maps
            hold only the disagreement and must be named so.
    """

    geometry: VolumeGeometry
    label_table: LabelTable
    labels: npt.NDArray[np.unsignedinteger]
    probability_mean: Map
    probability_variance: Map
    predictive_entropy_nats: Map
    mutual_information_nats: Map
    logit_variance_model: Map
    logit_variance_disagreement: Map
    is_stochastic: bool

    def __post_init__(self) -> None:
        shape = self.geometry.shape_kji
        for name in ("labels", *COMMON_FIELDS):
            if getattr(self, name).shape != shape:
                raise GeometryMismatch(
                    f"{name} has shape {getattr(self, name).shape}, expected {shape}."
                )
        per_class = (len(self.label_table), *shape)
        for name in LABEL_FIELDS:
            if getattr(self, name).shape != per_class:
                raise GeometryMismatch(
                    f"{name} has shape {getattr(self, name).shape}, expected {per_class}."
                )


@dataclass(frozen=True)
class RunRecord:
    """How a result was made, for reproduction. Holds no patient data.

    Attributes:
        model: id, name, SHA-256, parameterisation, configuration and folds of the model.
        options: the options of the run as given and as resolved (device, threshold, mirrors, step, seed).
        input: shape, spacing, orientation, dtype and SHA-256 of the voxel data; no path, no header fields.
        versions: package versions.
        seconds_by_stage: wall time in seconds.
        notes: plain sentences on everything that differed from the default way, such as a fallback to
            the CPU, and warnings on the input.
    """

    model: dict[str, Any]
    options: dict[str, Any]
    input: dict[str, Any]
    versions: dict[str, str]
    seconds_by_stage: dict[str, float]
    notes: tuple[str, ...] = field(default=())
