"""How many voxels, and how many wrong ones, have each score: all that ranking metrics need.

Scores are binned by the leading bits of their float32 pattern, whose order is the order of non-negative
numbers. So bins need no range in advance, have the same relative width (0.1 %) from 1e-38 to 1e38, and
histograms of any parts add up. Scores in one bin count as tied, which moves an area under a curve by about
0.001 at most.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Counts = npt.NDArray[np.int64]

_DROPPED_BITS = 13
_INFINITY = 0x7F80_0000
N_BINS = _INFINITY >> _DROPPED_BITS

# Bounds the 64-bit copies that counting makes of a whole CT.
_CHUNK = 1 << 22


def score_bins(scores: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Bin of every score, flattened; bin 0 holds zero and a larger score never has a smaller bin.

    Raises:
        ValueError: a score is negative or not finite.
    """
    # Adding zero turns -0.0, whose bit pattern is the largest of all, into +0.0.
    values = np.asarray(scores, dtype=np.float32).ravel() + np.float32(0)
    bins: npt.NDArray[np.intp] = (values.view(np.uint32) >> _DROPPED_BITS).astype(np.intp)
    if bins.size and bins.max() >= N_BINS:
        raise ValueError("Scores must be finite and not negative.")
    return bins


def bin_floor(scores: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The smallest score in the same bin as each score."""
    patterns = score_bins(scores).astype(np.uint32) << np.uint32(_DROPPED_BITS)
    floors: npt.NDArray[np.float32] = patterns.view(np.float32)
    return floors


def count_by_score(scores: Floats) -> Counts:
    """(N_BINS,) number of scores in each bin; any shape.

    Raises:
        ValueError: a score is negative or not finite.
    """
    flat = scores.ravel()
    counts: Counts = np.bincount(score_bins(flat[:_CHUNK]), minlength=N_BINS)
    for start in range(_CHUNK, flat.size, _CHUNK):
        counts += np.bincount(score_bins(flat[start : start + _CHUNK]), minlength=N_BINS)
    return counts


class ScoreHistogram:
    """Voxels and error voxels per bin of an uncertainty score; update with parts of a case.

    Attributes:
        total: (N_BINS,) number of voxels.
        errors: (N_BINS,) number of voxels where the prediction is wrong.
    """

    def __init__(self) -> None:
        self.total: Counts = np.zeros(N_BINS, dtype=np.int64)
        self.errors: Counts = np.zeros(N_BINS, dtype=np.int64)

    def update(self, scores: Floats, errors: npt.NDArray[np.bool_]) -> None:
        """Add voxels.

        Args:
            scores: uncertainty, not negative, any shape.
            errors: whether the prediction is wrong there, same shape.
        """
        self.total += count_by_score(scores)
        self.errors += count_by_score(scores[errors])

    def filled(self) -> tuple[Counts, Counts]:
        """Voxels and errors of the bins that hold any voxel, in increasing order of score."""
        bins = np.flatnonzero(self.total)
        return self.total[bins], self.errors[bins]

    @property
    def n_voxels(self) -> int:
        """Number of voxels."""
        return int(self.total.sum())

    @property
    def n_errors(self) -> int:
        """Number of wrong voxels."""
        return int(self.errors.sum())
