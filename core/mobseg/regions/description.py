"""The measures of regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.regions.candidates import Candidates
from mobseg.regions.groups import Groups, Indices, Numbers, sum_rows
from mobseg.regions.region import FlaggedRegion

# Expected errors that differ by less are ties, so that rounding in a sum does not decide a rank.
_RANK_DECIMALS = 6


def describe(
    candidates: Candidates, voxels: Indices, part: Numbers, parts: Groups, reasons: Sequence[str]
) -> tuple[tuple[FlaggedRegion, ...], Numbers]:
    """Describe and rank the parts.

    Args:
        candidates: the voxels to choose from.
        voxels: (n,) the flagged ones, in the order that breaks ties.
        part: (n,) number of the part of each, from 0 without gaps.
        parts: the same, to reduce over.
        reasons: of each part.

    Returns:
        The regions by rank, and the id of the region that each part became.
    """
    geometry, labels = candidates.geometry, candidates.label_table.labels
    kji, score = candidates.kji[:, voxels], candidates.score[voxels]
    windows = np.stack((parts.min(kji), parts.max(kji) + 1), axis=-1)
    peaks = parts.argmax(score)
    peaks_kji = kji[:, peaks].T
    peaks_ras_mm = geometry.ijk_to_ras(peaks_kji[:, ::-1])
    peak_scores = score[peaks]
    counts = parts.count
    mean_scores = parts.sum(score) / counts
    voxel_mm3 = geometry.voxel_volume_mm3
    errors_mm3 = parts.sum(candidates.error[voxels]) * voxel_mm3
    part_of_candidate = np.full(len(candidates), -1, dtype=np.int32)
    part_of_candidate[voxels] = part
    channels = sum_rows(part_of_candidate, candidates.probabilities, len(parts)).argmax(axis=0)
    order = np.lexsort((parts.first, -errors_mm3.round(_RANK_DECIMALS)))
    id_of_part = np.empty(order.size, dtype=np.int32)
    id_of_part[order] = np.arange(1, order.size + 1, dtype=np.int32)
    regions = tuple(
        FlaggedRegion(
            id=int(id_of_part[n]),
            label_value=labels[channels[n]].value,
            label_name=labels[channels[n]].name,
            window_kji=_nested_tuple(windows[:, n]),
            peak_kji=_nested_tuple(peaks_kji[n]),
            peak_ras_mm=_nested_tuple(peaks_ras_mm[n]),
            volume_mm3=float(counts[n] * voxel_mm3),
            voxel_count=int(counts[n]),
            peak_score=float(peak_scores[n]),
            mean_score=float(mean_scores[n]),
            expected_error_mm3=float(errors_mm3[n]),
            reason=reasons[n],
        )
        for n in order
    )
    return regions, id_of_part


def _nested_tuple(array: npt.NDArray[Any]) -> Any:
    values = array.tolist()
    return tuple(tuple(v) if isinstance(v, list) else v for v in values)
