r"""Joins overlapping passes (windows, mirrors, folds) into moments of the logits per voxel.

By the law of total variance the logit variance is the weighted mean of the model's variance plus the
weighted variance of the passes' means,

.. math:: \bar{s^2} + \left( \overline{m^2} - \bar m^2 \right),

and the two terms are kept apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

import torch
from torch import Tensor

from mobseg.covariance.form import CovarianceForm, split_channels
from mobseg.inference.plan import Size
from mobseg.inference.windows import Window, in_window
from mobseg.inference.workers import run_in_threads

#: Numbers of a window that are added at a time: 1 MB.
_BLOCK_VALUES = 262_144


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

    def without_planes(self) -> StitchedMoments:
        """No planes of as many channels, and nothing of the memory."""
        parts = (self.mean, self.model_variance, self.disagreement_variance)
        return StitchedMoments(*(part[:, :0].clone() for part in parts))


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

        Running out of memory leaves the moments as they were.

        Args:
            window: where on the grid.
            mean: (Q, *P) float32, the pass's mean logits; on the accumulator's device, as the others.
            factors: of the form, each (F, *P) float32; without one, the (V, *P) variances.
            weight: (*P) float32, positive.
        """
        total = self._total_weight[window] + weight
        share = weight / total
        scratches = _Scratches(mean.device, self._block, share)
        # All memory is allocated; from here on everything is in place.
        z, y, x = window

        def add(planes: slice) -> None:
            part = (slice(z.start + planes.start, z.start + planes.stop), y, x)
            with scratches.take() as scratch:
                self._add_means(part, mean[:, planes], share[planes], scratch)
                self._add_variances(part, [f[:, planes] for f in factors], share[planes], scratch)

        run_in_threads(add, scratches.pieces)
        self._total_weight[window] = total

    def finish(self) -> StitchedMoments:
        """The moments; the accumulator must not be used any more, as its memory is passed on.

        Every voxel must lie in at least one window.
        """
        return StitchedMoments(self._mean, self._variance, self._disagreement)

    @property
    def _block(self) -> int:
        """Channels that are updated at a time."""
        blocks = (*split_channels(len(self._mean)), *self._variance_blocks)
        return int(max(block.stop - block.start for block in blocks))

    @property
    def _variance_blocks(self) -> Sequence[slice]:
        return split_channels(len(self._variance)) if self._form is None else self._form.blocks

    def _add_means(self, part: Window, mean: Tensor, share: Tensor, scratch: _Scratch) -> None:
        for channels in split_channels(len(mean)):
            running = in_window(self._mean[channels], part)
            delta, spread = scratch.take(running.shape)
            torch.sub(mean[channels], running, out=delta)
            running.addcmul_(delta, share)
            delta.square_()
            disagreement = in_window(self._disagreement[channels], part)
            spread = _in_single(disagreement, spread)
            spread.addcmul_(delta, share).addcmul_(spread, share, value=-1)
            _store(spread, disagreement)

    def _add_variances(
        self, part: Window, factors: Sequence[Tensor], share: Tensor, scratch: _Scratch
    ) -> None:
        for channels in self._variance_blocks:
            running = in_window(self._variance[channels], part)
            new, old = scratch.take(running.shape)
            if self._form is None:
                new = factors[0][channels]
            else:
                self._form.expand(factors, channels, new)
            old = _in_single(running, old).lerp_(new, share)
            _store(old, running)


class _Scratch:
    """Two blocks of so many numbers."""

    def __init__(self, device: torch.device, count: int) -> None:
        self._memory = torch.empty(2, count, device=device)

    def take(self, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Both blocks in a shape."""
        first, second = (block[: int(math.prod(shape))].view(*shape) for block in self._memory)
        return first, second


class _Scratches:
    """A :class:`_Scratch` for each thread, of so few planes of a window that it stays in the cache.

    Other devices have no use for small blocks, as each has a cost to start, nor for several threads.

    Attributes:
        pieces: planes of the window that are added at a time.
    """

    def __init__(self, device: torch.device, channels: int, window: Tensor) -> None:
        values = _BLOCK_VALUES if device.type == "cpu" else 128 * _BLOCK_VALUES
        count = len(window)
        numbers = channels * window[0].numel()
        planes = min(max(1, values // numbers), count)
        self.pieces = [slice(n, min(n + planes, count)) for n in range(0, count, planes)]
        threads = min(torch.get_num_threads(), len(self.pieces))
        self._free: SimpleQueue[_Scratch] = SimpleQueue()
        for _ in range(threads):
            self._free.put(_Scratch(device, planes * numbers))

    @contextmanager
    def take(self) -> Iterator[_Scratch]:
        """One that no other thread has."""
        scratch = self._free.get()
        try:
            yield scratch
        finally:
            self._free.put(scratch)


def _in_single(values: Tensor, scratch: Tensor) -> Tensor:
    """The values in single precision: themselves, or a copy in ``scratch``."""
    return values if values.dtype == scratch.dtype else scratch.copy_(values)


def _store(values: Tensor, target: Tensor) -> None:
    """Copy what :func:`_in_single` copied, within the range of the target's type."""
    if target.dtype != values.dtype:
        target.copy_(values.clamp_(max=torch.finfo(target.dtype).max))
