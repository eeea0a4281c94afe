"""The choices a user has for one segmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mobseg.errors import InvalidInput

Box = tuple[float, float, float, float, float, float]

#: How the network computes; see :attr:`SegmentOptions.precision`.
PRECISIONS = ("float32", "bfloat16", "auto")

#: What computes the network; see :attr:`SegmentOptions.engine`.
ENGINES = ("torch", "openvino", "auto")


@dataclass(frozen=True)
class SegmentOptions:
    """How to segment one image.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        threshold: review threshold on the map that the regions are taken from; ``None`` takes it from
            the review curve of the model.
        roi_ras_mm: segment only this box: (xmin, xmax, ymin, ymax, zmin, zmax) in RAS mm.
        mirror: also average over mirrored passes, where the model allows it.
        step: step of the sliding window as a fraction of its size, in (0, 1].
        samples: number of spatially correlated label maps to draw in addition.
        seed: seed of these samples.
        precision: ``float32``, exact; ``bfloat16``, faster on processors that compute in it; or ``auto``,
            ``bfloat16`` on such processors for models whose bundle says that it was measured to be as good.
            Covariance, stitching and maps are float32 in any case.
        engine: what computes the network on a CPU, all but its last layer: ``torch``; ``openvino``, faster, and
            the same but for rounding; or ``auto``, ``openvino`` where it is installed and there are enough
            windows. Where it cannot be used, ``torch`` is.
        crop_to_body: segment only the box around the body, also where the model does not ask for it: less
            air to look at, and windows at other places, so that labels differ a little.

    Raises:
        InvalidInput: a value is outside its range.
    """

    device: str = "auto"
    threshold: float | None = None
    roi_ras_mm: Box | None = None
    mirror: bool = False
    step: float = 0.5
    samples: int = 0
    seed: int = 0
    precision: str = "auto"
    crop_to_body: bool = False
    engine: str = "auto"

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold < math.inf:
            raise InvalidInput(f"The threshold must be zero or more, got {self.threshold}.")
        if not 0 < self.step <= 1:
            raise InvalidInput(f"The step must be above 0 and at most 1, got {self.step}.")
        if self.precision not in PRECISIONS:
            raise InvalidInput(
                f"The precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}."
            )
        if self.engine not in ENGINES:
            raise InvalidInput(
                f"The engine must be one of {', '.join(ENGINES)}, got {self.engine!r}."
            )
        if self.samples < 0 or self.seed < 0:
            raise InvalidInput(
                "The number of samples and the seed must be zero or more, "
                f"got {self.samples} and {self.seed}."
            )
        if self.roi_ras_mm is not None:
            _check_box(self.roi_ras_mm)


def _check_box(box: Box) -> None:
    lower, upper = box[0::2], box[1::2]
    if not all(math.isfinite(value) for value in box) or any(
        low >= high for low, high in zip(lower, upper, strict=True)
    ):
        raise InvalidInput(
            "The region of interest needs xmin < xmax, ymin < ymax and zmin < zmax in RAS mm, "
            f"got {', '.join(f'{value:g}' for value in box)}."
        )
