"""Seconds by stage."""

from __future__ import annotations

import pytest

from mobseg import stopwatch
from mobseg.stopwatch import Stopwatch


def test_a_stage_inside_another_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 1.0, 3.0, 4.0, 6.0, 10.0])
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: next(ticks))
    watch = Stopwatch()
    with watch.stage("outer"):
        for _ in range(2):
            with watch.stage("inner"):
                pass
    assert watch.seconds == {"inner": 4.0, "outer": 6.0}
