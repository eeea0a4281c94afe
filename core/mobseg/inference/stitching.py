"""The planes of the network's grid that windows still touch, in segments along the first axis.

Rows of windows along the first axis overlap, so the grid divides into segments of planes that the same rows
touch. A segment's moments exist from the first of its rows to the last; then they are handed on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mobseg.allocator import returned_memory
from mobseg.covariance.form import CovarianceForm
from mobseg.inference.accumulator import MomentAccumulator, StitchedMoments
from mobseg.inference.plan import Size
from mobseg.inference.windows import Window

MomentConsumer = Callable[[StitchedMoments], None]


@dataclass(eq=False)
class _Segment:
    """Planes ``start`` to ``stop`` of the grid; no moments before the first pass and after the last."""

    start: int
    stop: int
    moments: MomentAccumulator | None = None


@dataclass(frozen=True, eq=False)
class WindowPart:
    """The planes of a window that lie in one segment."""

    segment: _Segment
    window: Window


class Stitching:
    """Moments of all windows, kept no longer than needed.

    Args:
        shape: Z, Y and X of the padded grid.
        inside: the part of it that the image fills.
        rows: planes of each row of windows, in order.
        device: where moments are kept.
        form: what the factors are of; without one they are variances.
        consume: takes finished planes in order; without it all are kept for :meth:`rest`.
    """

    def __init__(
        self,
        shape: Size,
        inside: Window,
        rows: Sequence[slice],
        device: torch.device,
        form: CovarianceForm | None,
        consume: MomentConsumer | None,
    ) -> None:
        self._shape = shape
        self._inside = inside
        self._rows = list(rows)
        self._device = device
        self._form = form
        self._consume = consume
        self._rest: StitchedMoments | None = None
        cuts = {0, shape[0]}
        if consume is not None:
            cuts |= {edge for row in rows for edge in (row.start, row.stop)}
        edges = sorted(cuts)
        self._segments = [_Segment(*pair) for pair in itertools.pairwise(edges)]

    def parts(self, window: Window) -> Iterator[WindowPart]:
        """The parts of a window, first planes first."""
        for segment in self._segments:
            start = max(segment.start, window[0].start)
            stop = min(segment.stop, window[0].stop)
            if start < stop:
                yield WindowPart(segment, (slice(start, stop), *window[1:]))

    def add(
        self,
        part: WindowPart,
        window: Window,
        mean: Tensor,
        factors: Sequence[Tensor],
        weight: Tensor,
    ) -> None:
        """Add a part of a pass; running out of memory leaves the moments as they were.

        Args:
            part: one of :meth:`parts` of the window.
            window: where on the grid.
            mean: (Q, *P) float32, of the whole window.
            factors: each (F, *P) float32, of the whole window.
            weight: (*P) float32, positive.
        """
        segment = part.segment
        if segment.moments is None:
            with returned_memory():
                segment.moments = MomentAccumulator(
                    len(mean),
                    len(factors[0]) if self._form is None else self._form.channels,
                    (segment.stop - segment.start, *self._shape[1:]),
                    self._device,
                    self._form,
                )
        z, y, x = part.window
        planes = slice(z.start - window[0].start, z.stop - window[0].start)
        segment.moments.add(
            (slice(z.start - segment.start, z.stop - segment.start), y, x),
            mean[:, planes].to(self._device),
            [factor[:, planes].to(self._device) for factor in factors],
            weight[planes].to(self._device),
        )

    def finish_row(self) -> None:
        """Hand on the planes that no later row touches."""
        del self._rows[0]
        untouched = self._rows[0].start if self._rows else self._shape[0]
        while self._consume and self._segments and self._segments[0].stop <= untouched:
            finished = self._finish(self._segments.pop(0))
            if finished.mean.shape[1]:
                self._consume(finished)
            self._rest = finished.without_planes()
            # The next segment needs its memory.
            del finished
        if not self._rows and not self._consume:
            self._rest = self._finish(self._segments.pop())

    def rest(self) -> StitchedMoments:
        """After the last row, all planes that were not handed on."""
        assert self._rest is not None, "rows are left"
        return self._rest

    def to(self, device: torch.device) -> None:
        """Move the moments to another device."""
        self._device = device
        for segment in self._segments:
            if segment.moments is not None:
                segment.moments.to(device)

    def _finish(self, segment: _Segment) -> StitchedMoments:
        assert segment.moments is not None, "nothing was predicted"
        z, y, x = self._inside
        start = max(z.start, segment.start) - segment.start
        stop = max(min(z.stop, segment.stop) - segment.start, start)
        return segment.moments.finish().crop((slice(start, stop), y, x))
