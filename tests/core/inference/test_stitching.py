"""Tiles between the edges of windows: kept no longer than needed, and equal to whole planes."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from mobseg.covariance.form import PairForm
from mobseg.inference import stitching
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.stitching import Stitching
from mobseg.inference.windows import Window, window_slices

SHAPE = (10, 3, 4)
PATCH = (6, 3, 4)
WINDOWS = window_slices(SHAPE, PATCH, 1 / 3)
INSIDE = (slice(1, 9), slice(0, 3), slice(1, 4))
CPU = torch.device("cpu")


class Tiles:
    """Keeps what is handed on."""

    def __init__(self) -> None:
        self.boxes: list[Window] = []
        self.moments: list[StitchedMoments] = []

    def __call__(self, box: Window, moments: StitchedMoments) -> None:
        self.boxes.append(box)
        self.moments.append(moments)

    @property
    def depths(self) -> list[int]:
        return [box[0].stop - box[0].start for box in self.boxes]


def add_window(found: Stitching, window: Window, number: float, channels: int = 1) -> None:
    shape = tuple(side.stop - side.start for side in window)
    mean = torch.full((channels, *shape), float(number))
    for part in found.parts(window):
        found.add(part, window, mean, [mean.square()], torch.ones(shape))
        found.hand_on()


def test_planes_are_handed_on_when_no_pass_is_left_that_touches_them() -> None:
    tiles = Tiles()
    found = Stitching(SHAPE, INSIDE, WINDOWS, 1, CPU, None, tiles)
    depths = []
    for number, window in enumerate(WINDOWS, start=1):
        add_window(found, window, number)
        depths.append(sum(tiles.depths))
    # Padding before the image and after it is cut off.
    assert depths == [1, 3, 8]
    joined = torch.cat([slab.mean for slab in tiles.moments], dim=1)
    assert joined.shape == (1, 8, 3, 3)
    assert joined[0, :, 0, 0].tolist() == [1.0, 1.5, 1.5, 2.0, 2.0, 2.5, 2.5, 3.0]
    squares = torch.cat([slab.model_variance for slab in tiles.moments], dim=1)
    torch.testing.assert_close(squares[0, 3, 0, 0], torch.tensor(14.0 / 3.0))
    assert found.rest().mean.shape == (1, 0, 3, 3)


def test_nothing_is_handed_on_before_the_last_of_several_passes() -> None:
    tiles = Tiles()
    found = Stitching(SHAPE, INSIDE, WINDOWS, 2, CPU, None, tiles)
    add_window(found, WINDOWS[0], 1.0)
    assert not tiles.boxes
    add_window(found, WINDOWS[0], 3.0)
    assert tiles.boxes == [(slice(0, 1), slice(0, 3), slice(0, 3))]
    assert (tiles.moments[0].mean == 2.0).all()


def test_without_a_consumer_all_planes_are_kept() -> None:
    found = Stitching(SHAPE, INSIDE, window_slices(SHAPE, SHAPE, 0.5), 1, CPU, None, None)
    window = (slice(0, 10), slice(0, 3), slice(0, 4))
    mean = torch.arange(10.0)[:, None, None].expand(1, 10, 3, 4)
    (part,) = found.parts(window)
    found.add(part, window, mean, [mean[:0]], torch.ones(10, 3, 4))
    found.hand_on()
    assert found.rest().mean[0, :, 0, 0].tolist() == list(range(1, 9))


def test_many_classes_are_kept_in_tiles_that_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of 4 at 0, 2 and 4 along two axes: a tile has been touched by all of its windows."""
    monkeypatch.setattr(stitching, "_WHOLE_VALUES", 4 * 8 * 8 * (3 + 2 * 3) - 1)
    shape, patch = (4, 8, 8), (4, 4, 4)
    windows, whole = window_slices(shape, patch, 0.5), (slice(0, 4), slice(0, 8), slice(0, 8))
    tiles = Tiles()
    found = Stitching(shape, whole, windows, 1, CPU, PairForm(3), tiles)
    handed_on = []
    for number, window in enumerate(windows):
        add_window(found, window, float(number), channels=3)
        handed_on.append(len(tiles.boxes))
    # Tiles wait for those before them, so the last row of tiles comes at the end.
    assert handed_on == [1, 2, 4, 5, 6, 8, 9, 10, 16]
    sides = [slice(n, n + 2) for n in range(0, 8, 2)]
    assert tiles.boxes == [(slice(0, 4), y, x) for y, x in product(sides, sides)]
    assert [tile.mean[0, 0, 0, 0].item() for tile in tiles.moments[:4]] == [0.0, 0.5, 1.5, 2.0]


@pytest.mark.parametrize(("spare", "is_cut"), [(0, False), (-1, True)])
def test_planes_are_cut_only_where_their_moments_are_large(
    monkeypatch: pytest.MonkeyPatch, spare: int, is_cut: bool
) -> None:
    monkeypatch.setattr(stitching, "_WHOLE_VALUES", 4 * 8 * 8 * (3 + 2 * 3) + spare)
    whole = (slice(0, 4), slice(0, 8), slice(0, 8))
    windows = window_slices((4, 8, 8), (4, 4, 4), 0.5)
    of_classes = Stitching((4, 8, 8), whole, windows, 1, CPU, PairForm(3), Tiles())
    assert len(list(of_classes.parts(whole))) == (16 if is_cut else 1)
    of_two = Stitching((4, 8, 8), whole, windows, 1, CPU, None, Tiles())
    assert len(list(of_two.parts(whole))) == 1
