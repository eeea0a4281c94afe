"""The voxels that any threshold from a lowest one on can flag, with all that does not depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from mobseg.geometry import VolumeGeometry
from mobseg.labels import LabelTable
from mobseg.prediction import Map
from mobseg.regions.groups import Numbers, stable_order
from mobseg.regions.lattice import CandidateLattice
from mobseg.regions.scored import ScoredPrediction
from mobseg.regions.surroundings import Surroundings, find_surroundings
from mobseg.sparse_map import SparseMap
from mobseg.uncertainty import error_probability_of


@dataclass(frozen=True, eq=False)
class Candidates:
    """n voxels by position in the patient: inferior, then posterior, then left first.

    This order does not depend on how a file stores its axes, so it can break ties.

    Attributes:
        geometry: the grid.
        label_table: the F foreground labels.
        kji: (3, n) indices.
        score: (n,) scores.
        probabilities: (F, n) mean probability of each foreground label, of which few are not 0.
        error: (n,) probability that the assigned label is wrong.
        lattice: their places.
        surroundings: how the voxels lie with respect to the segmentation.
        by_rank: (n,) the voxels from the highest score down; equal scores keep their order.
        rank: (n,) place of each voxel in ``by_rank``.
    """

    geometry: VolumeGeometry
    label_table: LabelTable
    kji: Numbers
    score: Map
    probabilities: sparse.csr_array
    error: Map
    lattice: CandidateLattice
    surroundings: Surroundings
    by_rank: Numbers
    rank: Numbers

    def __len__(self) -> int:
        return self.score.size


def find_candidates(
    scored: ScoredPrediction, lowest: float, margin_kji: npt.NDArray[np.integer]
) -> Candidates:
    """The voxels whose score reaches ``lowest``, a positive value, on a lattice with this margin."""
    kji = _by_position(_voxels_from(scored.score, lowest), scored.geometry)
    at = tuple(kji)
    score, labels = scored.score[at], scored.labels[at]
    # One label's at a time, so that there are never those of all labels at all voxels.
    probabilities = sparse.vstack(
        [sparse.csr_array(probability[at][None]) for probability in scored.probabilities]
    ).tocsr()
    values = [label.value for label in scored.label_table]
    lattice = CandidateLattice(kji, margin_kji)
    by_rank = _from_the_highest(score)
    rank = np.empty_like(by_rank)
    rank[by_rank] = np.arange(by_rank.size, dtype=np.int32)
    return Candidates(
        geometry=scored.geometry,
        label_table=scored.label_table,
        kji=kji,
        score=score,
        probabilities=probabilities,
        error=error_probability_of(labels, _rows(probabilities), values),
        lattice=lattice,
        surroundings=find_surroundings(kji, scored.labels, lattice, score),
        by_rank=by_rank,
        rank=rank,
    )


def _rows(matrix: sparse.csr_array) -> Iterator[Map]:
    for number in range(matrix.shape[0]):
        yield matrix[[number]].toarray()[0]


def _from_the_highest(score: Map) -> Numbers:
    """The order of positive (n,) scores, equal ones as they come."""
    # The bits of positive numbers are ordered as they are.
    return stable_order(~score.view(np.uint32)).astype(np.int32)


def _voxels_from(score: Map | SparseMap, lowest: float) -> Numbers:
    """(3, n) indices of the voxels with at least this score."""
    if isinstance(score, SparseMap):
        return score.reaching(lowest).astype(np.int32)
    flagged = score >= lowest
    box = _bounding_box(flagged)
    start = np.array([[window.start] for window in box], np.int32)
    found: Numbers = np.stack([index.astype(np.int32) for index in np.nonzero(flagged[box])])
    return found + start


def _by_position(kji: Numbers, geometry: VolumeGeometry) -> Numbers:
    # One step along S outweighs every step along A, and one along A every step along R.
    weights_ijk = geometry.ijk_to_ras_mm[:3, :3].T @ (1.0, 1e4, 1e8)
    return kji[:, np.argsort(weights_ijk[::-1] @ kji, kind="stable")]


def _bounding_box(flagged: npt.NDArray[np.bool_]) -> tuple[slice, ...]:
    box = []
    for axis in range(flagged.ndim):
        others = tuple(other for other in range(flagged.ndim) if other != axis)
        hit = np.flatnonzero(flagged.any(axis=others))
        box.append(slice(hit[0], hit[-1] + 1) if hit.size else slice(0, 0))
    return tuple(box)
