"""nnU-Net's normalisations of intensities, plane by plane, so that no float copy of a CT is held."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mobseg.inference.plan import InferencePlan

_SMALLEST_STD = 1e-8


@dataclass(frozen=True)
class Normalization:
    """x -> (min(max(x, lowest), highest) - shift) / scale, in float32.

    Attributes:
        lowest: of the values that are kept as they are.
        highest: the same.
        shift: becomes 0.
        scale: positive.
    """

    lowest: float = -inf
    highest: float = inf
    shift: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, array: npt.NDArray[Any], plan: InferencePlan) -> Normalization:
        """What nnU-Net's class of the same name does to (Z, Y, X) finite values."""
        if plan.normalization == "CTNormalization":
            given = plan.intensities
            limits = (given.percentile_00_5, given.percentile_99_5)
            return cls(*limits, given.mean, max(given.std, _SMALLEST_STD))
        if plan.normalization == "ZScoreNormalization":
            mean = float(array.mean(dtype=np.float64))
            squares = sum(float(np.square(plane - mean).sum()) for plane in array)
            return cls(shift=mean, scale=max(sqrt(squares / array.size), _SMALLEST_STD))
        if plan.normalization == "RescaleTo01Normalization":
            lowest, highest = float(array.min()), float(array.max())
            return cls(shift=lowest, scale=max(highest - lowest, _SMALLEST_STD))
        return cls()

    def apply_(self, data: Tensor) -> Tensor:
        """Normalise in place."""
        return data.clamp_(self.lowest, self.highest).sub_(self.shift).div_(self.scale)


class NormalizedImage:
    """An image of which some planes are normalised when they are asked for.

    They are measured from the image's minimum: the air around the patient is then exactly 0 and stays one exact
    value when the grid changes, which lets the sliding window recognise it.

    Args:
        array: (Z, Y, X), finite.
        normalization: of its values.

    Attributes:
        minimum: lowest normalised value.
    """

    def __init__(self, array: npt.NDArray[Any], normalization: Normalization) -> None:
        self._array = array
        self._normalization = normalization
        lowest = torch.tensor([array.min()], dtype=torch.float32)
        self.minimum = float(normalization.apply_(lowest))

    @property
    def shape(self) -> tuple[int, ...]:
        """(Z, Y, X)."""
        return self._array.shape

    def __getitem__(self, planes: slice) -> Tensor:
        """(n, Y, X) float32, above the minimum."""
        values = np.array(self._array[planes], dtype=np.float32, order="C")
        return self._normalization.apply_(torch.from_numpy(values)).sub_(self.minimum)
