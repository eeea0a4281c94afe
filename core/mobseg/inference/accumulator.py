r"""Joins overlapping passes (windows, mirrors, folds) into moments of the logits per voxel.

By the law of total variance the logit variance is the weighted mean of the model's variance plus the
weighted variance of the passes' means,

.. math:: \bar{s^2} + \left( \overline{m^2} - \bar m^2 \right),

and the two terms are kept apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mobseg.covariance.form import CovarianceForm
from mobseg.inference.plan import Size
from mobseg.inference.windows import Window, in_window

#: Numbers of a window that are added at a time: 2 MB, which stay in the processor's cache.
_CHUNK_VALUES = 500_000


@dataclass(frozen=True, eq=False)
class StitchedMoments:
    """Moments of the logits on the network's grid.

    Attributes:
        mean: (Q, Z, Y, X) float32, weighted mean of the passes' means.
        model_variance: (V, Z, Y, X) weighted mean of the variances that the model predicts, or of what
            stands for them; float16 for more than two classes, else float32.
        disagreement_variance: (Q, Z, Y, X) weighted variance of the passes' means; the same type.
    """

    mean: Tensor
    model_variance: Tensor
    disagreement_variance: Tensor

    def crop(self, box: Window) -> StitchedMoments:
        """A view of a part of the grid."""
        return StitchedMoments(
            in_window(self.mean, box),
            in_window(self.model_variance, box),
            in_window(self.disagreement_variance, box),
        )


class MomentAccumulator:
    """Running weighted moments, updated window by window.

    The difference of the mean square and the squared mean loses all digits in float32 where the logits
    are large and agree: at m = 20 it is exact to 5e-5 only. The update of D. H. D. West (CACM 22:532,
    1979) has no such difference: with the weight w of the new pass and the weight W so far,

        delta = m - mean,  mean += delta s,  variance = (1 - s) (variance + delta^2 s),  s = w / (W + w),

    so equal passes give a disagreement of exactly zero, and a constant stays that constant.
    """

    def __init__(
        self,
        mean_channels: int,
        variance_channels: int,
        shape: Size,
        device: torch.device | str = "cpu",
        form: CovarianceForm | None = None,
    ) -> None:
        """Start with no pass.

        Args:
            mean_channels: Q, the number of logit coordinates.
            variance_channels: V, the numbers that stand for the model's covariance; may be 0.
            shape: Z, Y and X of the network's grid.
            device: where the moments are kept.
            form: makes the V numbers from what the network gives; variances are then kept in half
                precision, as there are many.
        """
        self._form = form
        spread_dtype = torch.float32 if form is None else torch.float16
        self._total_weight = torch.zeros(shape, device=device)
        self._mean = torch.zeros((mean_channels, *shape), device=device)
        self._variance = torch.zeros((variance_channels, *shape), device=device, dtype=spread_dtype)
        self._disagreement = torch.zeros((mean_channels, *shape), device=device, dtype=spread_dtype)

    def to(self, device: torch.device | str) -> None:
        """Move the moments to another device."""
        self._total_weight = self._total_weight.to(device)
        self._mean = self._mean.to(device)
        self._variance = self._variance.to(device)
        self._disagreement = self._disagreement.to(device)

    @torch.no_grad()
    def add(self, window: Window, mean: Tensor, factors: Sequence[Tensor], weight: Tensor) -> None:
        """Add one pass over one window.

        Running out of memory leaves the moments as they were, on any device but the CPU.

        Args:
            window: where on the grid.
            mean: (Q, *P) float32, the pass's mean logits; on the accumulator's device, as the others.
            factors: of the form, each (F, *P) float32; without one, the (V, *P) variances.
            weight: (*P) float32, positive.
        """
        for planes in self._chunks(window, mean.device):
            z, y, x = window
            part = (slice(z.start + planes.start, z.start + planes.stop), y, x)
            self._add(
                part, mean[:, planes], [factor[:, planes] for factor in factors], weight[planes]
            )

    def finish(self) -> StitchedMoments:
        """The moments; the accumulator must not be used any more, as its memory is passed on.

        Every voxel must lie in at least one window.
        """
        return StitchedMoments(self._mean, self._variance, self._disagreement)

    def _chunks(self, window: Window, device: torch.device) -> Iterator[slice]:
        """Planes of the window that are added at a time."""
        depth, height, width = (axis.stop - axis.start for axis in window)
        channels = max(len(self._mean), len(self._variance))
        thickness = max(1, _CHUNK_VALUES // (channels * height * width))
        if device.type != "cpu":
            thickness = depth
        for start in range(0, depth, thickness):
            yield slice(start, min(start + thickness, depth))

    def _add(self, part: Window, mean: Tensor, factors: Sequence[Tensor], weight: Tensor) -> None:
        weight_so_far = self._total_weight[part]
        running_mean = in_window(self._mean, part)
        total = weight_so_far + weight
        share = weight / total
        delta = mean - running_mean
        squares = delta.square()
        variance = factors[0] if self._form is None else self._form.expand(*factors)
        # All memory but that of half precision is allocated; from here on everything is in place.
        running_mean.addcmul_(delta, share)
        disagreement = in_window(self._disagreement, part)
        _update(disagreement, lambda v: v.addcmul_(squares, share).addcmul_(v, share, value=-1))
        _update(in_window(self._variance, part), lambda v: v.lerp_(variance, share))
        weight_so_far.copy_(total)


def _update(running: Tensor, change: Callable[[Tensor], Tensor]) -> None:
    """Change a tensor in place, in float32 even if it is kept in half precision."""
    if running.dtype == torch.float32:
        change(running)
    else:
        changed = change(running.float())
        running.copy_(changed.clamp_(max=torch.finfo(running.dtype).max))
