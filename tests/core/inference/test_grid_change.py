"""Changes of grid from planes that are asked for; equality with nnU-Net is in test_resampling."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from mobseg.inference.banded import BandedMatrix
from mobseg.inference.grid_change import PlaneChange, change_first_axis
from mobseg.inference.resampling import axis_weights

SHAPE = (5, 40, 36)


class Planes:
    """Counts how often each plane is asked for."""

    def __init__(self, volume: Tensor) -> None:
        self.asked = torch.zeros(len(volume))
        self._volume = volume

    @property
    def shape(self) -> Sequence[int]:
        return self._volume.shape

    def __getitem__(self, planes: slice) -> Tensor:
        self.asked[planes] += 1
        return self._volume[planes]


def random_volume() -> Tensor:
    return torch.randn(*SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(20, 30), (70, 30), (40, 30), (70, 36), (40, 36)])
def test_planes_change_along_both_axes(size: tuple[int, int]) -> None:
    volume = random_volume()
    weights = [axis_weights(n, m, 3) for n, m in zip(SHAPE[1:], size, strict=True)]
    rows, columns = (BandedMatrix(w) if len(w) != w.shape[1] else None for w in weights)
    planes = Planes(volume)
    result, _, _ = PlaneChange(rows, columns)(planes, (0, 1, 2))
    of_y, of_x = map(torch.from_numpy, weights)
    expected = torch.einsum("yj,zji,xi->zyx", of_y, volume, of_x)
    torch.testing.assert_close(result, expected, atol=2e-6, rtol=0)
    assert planes.asked.tolist() == [1] * len(volume)


@pytest.mark.parametrize("measured", [(0, 1, 2), (1, 2), (0, 2), (0, 1)])
def test_the_range_is_that_of_the_old_planes(measured: tuple[int, ...]) -> None:
    volume = random_volume()
    _, lowest, highest = PlaneChange(None, None)(volume, measured)
    torch.testing.assert_close(lowest, volume.amin(measured, keepdim=True))
    torch.testing.assert_close(highest, volume.amax(measured, keepdim=True))


def test_the_first_axis_changes_within_limits() -> None:
    volume = random_volume()
    weights = axis_weights(5, 9, 3)
    limits = (torch.full((9, 1, 1), -1.0), torch.linspace(0, 1, 36).view(1, 1, 36))
    result = change_first_axis(volume, BandedMatrix(weights), limits)
    expected = torch.einsum("zk,kji->zji", torch.from_numpy(weights), volume)
    torch.testing.assert_close(result, expected.clamp(*limits), atol=1e-6, rtol=0)
