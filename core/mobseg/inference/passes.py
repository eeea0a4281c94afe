"""The passes of a network over an image: windows, each seen unmirrored and mirrored."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mobseg.inference.windows import Window, in_window


@dataclass(frozen=True)
class Pass:
    """One window, seen mirrored along ``flips`` (dimensions of a (C, Z, Y, X) tensor)."""

    window: Window
    flips: tuple[int, ...]


@dataclass(frozen=True)
class Job:
    """One input to the network, all passes that its output stands for, and its value if it has one."""

    source: Pass
    targets: tuple[Pass, ...]
    constant: float | None = None


@dataclass(frozen=True)
class Row:
    """Windows at the same place along the first axis."""

    jobs: tuple[Job, ...]

    @property
    def passes(self) -> int:
        """Number of passes that the jobs stand for."""
        return sum(len(job.targets) for job in self.jobs)


def plan_rows(data: Tensor, windows: Iterable[Window], mirror_axes: Sequence[int]) -> list[Row]:
    """Rows of windows with their jobs, those of windows of one constant value first.

    Args:
        data: (1, Z, Y, X).
        windows: in order, the last axis fastest.
        mirror_axes: spatial axes (0 to 2); every combination of them is mirrored, as is none.
    """
    flips = [
        tuple(1 + axis for axis in combination)
        for n in range(len(mirror_axes) + 1)
        for combination in itertools.combinations(mirror_axes, n)
    ]
    return [
        Row(tuple(_plan_jobs(data, row, flips)))
        for _, row in itertools.groupby(windows, lambda window: window[0].start)
    ]


def _plan_jobs(
    data: Tensor, windows: Iterable[Window], flips: Sequence[tuple[int, ...]]
) -> list[Job]:
    constant: dict[float, list[Pass]] = defaultdict(list)
    jobs = []
    for window in windows:
        passes = [Pass(window, f) for f in flips]
        low, high = torch.aminmax(in_window(data, window))
        if low == high:
            constant[float(low)] += passes
        else:
            jobs += [Job(p, (p,)) for p in passes]
    # A constant is its own mirror image: the unmirrored output serves all passes.
    return [
        Job(passes[0], tuple(passes), constant=value) for value, passes in constant.items()
    ] + jobs
