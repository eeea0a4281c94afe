"""Maps that tell a reader where a prediction may be wrong, derived from the moments of the prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from mobseg.errors import InvalidInput
from mobseg.prediction import Map, PredictionMaps
from mobseg.sparse_map import SparseMap
from mobseg.sparse_prediction import AnyPrediction, SparsePrediction, VoxelEstimates


def error_probability(maps: PredictionMaps | VoxelEstimates) -> Map:
    """Probability, according to the model, that the assigned label is wrong.

    One minus the mean probability of the assigned label. The background's probability is what the
    foreground labels leave, so that a background voxel's error probability is their sum; for two classes
    this is ``p`` or ``1 - p``, the smaller of the two where the label is the more probable one. Where the
    labels of a region-based model overlap, the sum is the union bound and is cut at 1.

    Returns:
        (K, J, I) or (n,) float32 in [0, 1].
    """
    values = [label.value for label in maps.label_table]
    if isinstance(maps, PredictionMaps):
        return error_probability_of(maps.labels, maps.probability_mean, values)
    return _error_probability_of_estimates(maps, values)


def error_probability_of(
    labels: npt.NDArray[np.unsignedinteger], probabilities: Iterable[Map], values: Iterable[int]
) -> Map:
    """:func:`error_probability` of any selection of voxels.

    Args:
        labels: assigned label values, any shape.
        probabilities: mean probability of each foreground label, each of the shape of ``labels``.
        values: label values in the order of ``probabilities``.
    """
    error = np.zeros(labels.shape, dtype=np.float32)
    is_background = labels == 0
    for value, probability in zip(values, probabilities, strict=True):
        np.add(error, probability, out=error, where=is_background)
        np.subtract(1.0, probability, out=error, where=labels == value)
    return np.clip(error, 0.0, 1.0, out=error)


def foreground_variance(maps: PredictionMaps | VoxelEstimates) -> Map:
    """The variance map that is shown: the largest variance of any foreground label's probability.

    For one label it is that label's variance. The maximum, unlike a sum, keeps the range [0, 0.25] for
    any number of labels and does not count twice a voxel for which two labels compete.

    Returns:
        (K, J, I) or (n,) float32.
    """
    if isinstance(maps, VoxelEstimates):
        return _largest_variance_of_estimates(maps)
    variance = maps.probability_variance
    # Reducing a single label would copy a volume for nothing.
    largest: Map = variance[0] if len(variance) == 1 else variance.max(axis=0)
    return largest


def _error_probability_of_estimates(estimates: VoxelEstimates, values: Sequence[int]) -> Map:
    error = np.zeros(estimates.labels.shape, dtype=np.float32)
    of_labels = estimates.of_labels
    for channel, value in enumerate(values):
        span = of_labels.span(channel)
        voxel, mean = of_labels.voxel[span], of_labels.mean[span]
        own = estimates.labels[voxel]
        error[voxel] = np.where(own == value, 1.0 - mean, error[voxel] + (own == 0) * mean)
    return np.clip(error, 0.0, 1.0, out=error)


def _largest_variance_of_estimates(estimates: VoxelEstimates) -> Map:
    largest = np.zeros(estimates.labels.shape, dtype=np.float32)
    of_labels = estimates.of_labels
    for channel in range(len(estimates.label_table)):
        span = of_labels.span(channel)
        voxel = of_labels.voxel[span]
        largest[voxel] = np.maximum(largest[voxel], of_labels.variance[span])
    return largest


_SCORES: dict[str, Callable[[PredictionMaps | VoxelEstimates], Map]] = {
    "variance": foreground_variance,
    "entropy": lambda maps: maps.predictive_entropy_nats,
    "mutual_information": lambda maps: maps.mutual_information_nats,
    "error_probability": error_probability,
}

#: Names of the maps by which voxels can be flagged.
SCORE_NAMES = tuple(_SCORES)

_DISPLAY_NAMES = {
    "variance": "Variance of the probability",
    "entropy": "Entropy",
    "mutual_information": "Mutual information",
    "error_probability": "Probability of error",
}

# A deterministic model has no variance of its own: what it shows is how far its windows, mirrored passes
# and folds differ, and it must not be taken for more.
_DISPLAY_NAMES_DETERMINISTIC = _DISPLAY_NAMES | {
    "variance": "Disagreement (variance between passes)",
    "mutual_information": "Disagreement (mutual information between passes)",
}

_UNITS = {"variance": "", "entropy": "nats", "mutual_information": "nats", "error_probability": ""}


@overload
def score_map(maps: PredictionMaps, name: str) -> Map: ...
@overload
def score_map(maps: SparsePrediction, name: str) -> SparseMap: ...
@overload
def score_map(maps: AnyPrediction, name: str) -> Map | SparseMap: ...
def score_map(maps: AnyPrediction, name: str) -> Map | SparseMap:
    """The (K, J, I) float32 map called ``name``, one of :data:`SCORE_NAMES`; higher is less certain.

    Every one of them is 0 where a voxel is not in doubt.

    Raises:
        InvalidInput: there is no map of this name.
    """
    score = _SCORES[_checked(name)]
    if isinstance(maps, SparsePrediction):
        return maps.map_of(score(maps.estimates))
    return score(maps)


def default_score(is_stochastic: bool) -> str:
    """The map to flag by when nothing is chosen: variance, or entropy for a deterministic model."""
    return "variance" if is_stochastic else "entropy"


def display_name(name: str, is_stochastic: bool) -> str:
    """What to call a map in front of people, without its unit.

    Raises:
        InvalidInput: there is no map of this name.
    """
    names = _DISPLAY_NAMES if is_stochastic else _DISPLAY_NAMES_DETERMINISTIC
    return names[_checked(name)]


def unit(name: str) -> str:
    """Unit of a map; empty for pure numbers.

    Raises:
        InvalidInput: there is no map of this name.
    """
    return _UNITS[_checked(name)]


def _checked(name: str) -> str:
    if name not in _SCORES:
        raise InvalidInput(
            f"There is no uncertainty map called {name!r}; use one of {', '.join(SCORE_NAMES)}."
        )
    return name
