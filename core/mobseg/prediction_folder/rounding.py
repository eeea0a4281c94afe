"""Maps are rounded where they are made, so that those in memory and those on disk are the same.

The last bits of a float32 map are noise that does not compress. Without them a folder is about a quarter of
the size and takes a third of the time to write.

* The mean probability is rounded to multiples of 2^-16: an error of at most 8e-6, and all background that
  is so close to certain becomes exactly 0.
* Variances, entropy and mutual information keep 13 binary digits after the leading one: a relative error of at
  most 6.2e-5. A confident model may have variances of 1e-9, and steps of 2^-16 would lose the order
  in which they rank voxels.

Rounding twice changes nothing. The label map is stored as it is.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from mobseg.prediction import Map, PredictionMaps

_STEPS_PER_UNIT = np.float32(2**16)
_MANTISSA_BITS, _KEPT_BITS = 23, 13

_RELATIVE = (
    "probability_variance",
    "predictive_entropy_nats",
    "mutual_information_nats",
    "logit_variance_model",
    "logit_variance_disagreement",
)


def rounded_map(field: str, values: Map) -> Map:
    """A map, or a part of one; ``field`` is its name in :class:`mobseg.prediction.PredictionMaps`."""
    return _to_steps(values) if field == "probability_mean" else _keep_leading_bits(values)


def rounded_maps(maps: PredictionMaps) -> PredictionMaps:
    """All maps as they are stored, for maps that were not made by mobseg."""
    rounded: dict[str, Any] = {
        field: rounded_map(field, getattr(maps, field))
        for field in ("probability_mean", *_RELATIVE)
    }
    return dataclasses.replace(maps, **rounded)


def _to_steps(values: Map) -> Map:
    rounded: Map = values * _STEPS_PER_UNIT
    np.rint(rounded, out=rounded)
    rounded /= _STEPS_PER_UNIT
    return rounded


def _keep_leading_bits(values: Map) -> Map:
    """Round finite, non-negative numbers to the nearest with fewer mantissa bits."""
    dropped = np.uint32(_MANTISSA_BITS - _KEPT_BITS)
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    half = np.uint32(1) << (dropped - np.uint32(1))
    # A carry runs into the exponent, which is the right result there too.
    rounded: Map = (((bits + half) >> dropped) << dropped).view(np.float32)
    return rounded
