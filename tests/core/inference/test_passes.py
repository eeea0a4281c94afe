"""Which inputs a network gets, and which passes their outputs stand for."""

from __future__ import annotations

import torch

from mobseg.inference.passes import plan_rows
from mobseg.inference.windows import window_slices

PATCH = (4, 4, 4)


def test_every_window_is_seen_once_in_every_mirror() -> None:
    data = torch.randn(1, 8, 6, 4, generator=torch.Generator().manual_seed(0))
    windows = window_slices((8, 6, 4), PATCH, 0.5)
    rows = plan_rows(data, windows, (0, 2))
    assert [row.passes for row in rows] == [2 * 4] * 3
    jobs = [job for row in rows for job in row.jobs]
    assert all(job.targets == (job.source,) and job.constant is None for job in jobs)
    assert [job.source.window for job in jobs[::4]] == windows
    assert [job.source.flips for job in jobs[:4]] == [(), (1,), (3,), (1, 3)]


def test_windows_of_one_value_share_an_input_that_comes_first() -> None:
    data = torch.full((1, 4, 4, 12), -1.0)
    data[..., :4] = torch.arange(4.0)
    (row,) = plan_rows(data, window_slices((4, 4, 12), PATCH, 0.5), (1,))
    air, *content = row.jobs
    assert air.constant == -1.0
    assert [target.window[2].start for target in air.targets] == [4, 4, 6, 6, 8, 8]
    assert [target.flips for target in air.targets] == [(), (2,)] * 3
    assert air.source == air.targets[0]
    assert [job.source.window[2].start for job in content] == [0, 0, 2, 2]
    assert row.passes == 10
