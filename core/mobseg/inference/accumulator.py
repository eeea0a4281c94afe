r"""Joins overlapping passes (windows, mirrors, folds) into moments of the logits per voxel.

By the law of total variance the logit variance is the weighted mean of the model's variance plus the
weighted variance of the passes' means,

.. math:: \bar{s^2} + \left( \overline{m^2} - \bar m^2 \right),

and the two terms are kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mobseg.inference.plan import Size
from mobseg.inference.windows import Window, in_window


@dataclass(frozen=True, eq=False)
class StitchedMoments:
    """Moments of the logits on the network's grid, float32.

    Attributes:
        mean: (Q, Z, Y, X) weighted mean of the passes' means.
        model_variance: (V, Z, Y, X) weighted mean of the variances that the model predicts.
        disagreement_variance: (Q, Z, Y, X) weighted variance of the passes' means.
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

        delta = m - mean,  mean += delta w / (W + w),  sum += delta^2 w W / (W + w),

    so equal passes give a disagreement of exactly zero, and a constant stays that constant.
    """

    def __init__(
        self,
        mean_channels: int,
        variance_channels: int,
        shape: Size,
        device: torch.device | str = "cpu",
    ) -> None:
        """Start with no pass.

        Args:
            mean_channels: Q, the number of logit coordinates.
            variance_channels: V, the number of entries of the model's covariance; may be 0.
            shape: Z, Y and X of the network's grid.
            device: where the moments are kept.
        """
        self._total_weight = torch.zeros(shape, device=device)
        self._mean = torch.zeros((mean_channels, *shape), device=device)
        self._variance = torch.zeros((variance_channels, *shape), device=device)
        self._squares = torch.zeros((mean_channels, *shape), device=device)

    def to(self, device: torch.device | str) -> None:
        """Move the moments to another device."""
        self._total_weight = self._total_weight.to(device)
        self._mean = self._mean.to(device)
        self._variance = self._variance.to(device)
        self._squares = self._squares.to(device)

    @torch.no_grad()
    def add(self, window: Window, mean: Tensor, variance: Tensor, weight: Tensor) -> None:
        """Add one pass over one window; running out of memory leaves the moments as they were.

        Args:
            window: where on the grid.
            mean: (Q, *P) float32, the pass's mean logits; on the accumulator's device, as the others.
            variance: (V, *P) float32, the variances that the model predicts.
            weight: (*P) float32, positive.
        """
        weight_so_far = self._total_weight[window]
        running_mean = in_window(self._mean, window)
        total = weight_so_far + weight
        share = weight / total
        gain = weight_so_far * share
        delta = mean - running_mean
        # All memory is allocated above; from here on everything is in place.
        running_mean.addcmul_(delta, share)
        in_window(self._squares, window).addcmul_(delta.square_(), gain)
        in_window(self._variance, window).lerp_(variance, share)
        weight_so_far.copy_(total)

    def finish(self) -> StitchedMoments:
        """The moments; the accumulator must not be used any more, as its memory is passed on.

        Every voxel must lie in at least one window.
        """
        return StitchedMoments(self._mean, self._variance, self._squares.div_(self._total_weight))
