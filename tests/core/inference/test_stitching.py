"""Segments of planes between the edges of rows of windows."""

from __future__ import annotations

import torch

from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.stitching import Stitching

SHAPE = (10, 3, 4)
ROWS = [slice(0, 6), slice(2, 8), slice(4, 10)]
PLANE = (slice(0, 3), slice(0, 4))
INSIDE = (slice(1, 9), slice(0, 3), slice(1, 4))


def test_planes_are_handed_on_when_no_row_is_left_that_touches_them() -> None:
    slabs: list[StitchedMoments] = []
    stitching = Stitching(SHAPE, INSIDE, ROWS, torch.device("cpu"), None, slabs.append)
    depths = []
    for number, planes in enumerate(ROWS, start=1):
        window = (planes, *PLANE)
        mean = torch.full((1, 6, 3, 4), float(number))
        for part in stitching.parts(window):
            stitching.add(part, window, mean, [mean.square()], torch.ones(6, 3, 4))
        stitching.finish_row()
        depths.append(sum(slab.mean.shape[1] for slab in slabs))
    # Padding before the image and after it is cut off.
    assert depths == [1, 3, 8]
    joined = torch.cat([slab.mean for slab in slabs], dim=1)
    assert joined.shape == (1, 8, 3, 3)
    assert joined[0, :, 0, 0].tolist() == [1.0, 1.5, 1.5, 2.0, 2.0, 2.5, 2.5, 3.0]
    squares = torch.cat([slab.model_variance for slab in slabs], dim=1)
    torch.testing.assert_close(squares[0, 3, 0, 0], torch.tensor(14.0 / 3.0))
    assert stitching.rest().mean.shape == (1, 0, 3, 3)


def test_without_a_consumer_all_planes_are_kept() -> None:
    stitching = Stitching(SHAPE, INSIDE, [slice(0, 10)], torch.device("cpu"), None, None)
    window = (slice(0, 10), *PLANE)
    mean = torch.arange(10.0)[:, None, None].expand(1, 10, 3, 4)
    (part,) = stitching.parts(window)
    stitching.add(part, window, mean, [mean[:0]], torch.ones(10, 3, 4))
    stitching.finish_row()
    assert stitching.rest().mean[0, :, 0, 0].tolist() == list(range(1, 9))
