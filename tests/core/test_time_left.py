from __future__ import annotations

import pytest

from mobseg.time_left import TimeLeft


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def run(time_left, clock, *, seconds, until, start=0.0, stage="Predicting", steps=20):
    time_left.update(stage, start)
    for step in range(1, steps + 1):
        clock.now += seconds / steps
        time_left.update(stage, start + (until - start) * step / steps)


def test_steady_progress_is_extrapolated_exactly(clock):
    time_left = TimeLeft(clock)
    run(time_left, clock, seconds=10, until=0.25)
    assert time_left.seconds == pytest.approx(30)


def test_nothing_is_said_at_the_start_of_a_stage(clock):
    time_left = TimeLeft(clock)
    assert time_left.seconds is None
    run(time_left, clock, seconds=0.9, until=0.3)
    assert time_left.seconds is None
    run(time_left, clock, seconds=10, start=0.3, until=0.5)
    assert time_left.seconds is not None
    time_left.update("Writing", 0.5)
    assert time_left.seconds is None


def test_nothing_is_said_while_nothing_moves(clock):
    time_left = TimeLeft(clock)
    run(time_left, clock, seconds=20, until=0.0)
    assert time_left.seconds is None
    run(time_left, clock, seconds=5, until=0.5)
    run(time_left, clock, seconds=30, start=0.5, until=0.5)
    assert time_left.seconds is None


def test_the_speed_of_another_stage_does_not_count(clock):
    time_left = TimeLeft(clock)
    run(time_left, clock, seconds=20, until=0.01, stage="Loading")
    run(time_left, clock, seconds=2, start=0.01, until=0.11)
    # At 5 % a second.
    assert time_left.seconds == pytest.approx(17.8)


def test_a_slow_down_shows(clock):
    time_left = TimeLeft(clock)
    run(time_left, clock, seconds=5, until=0.5)
    run(time_left, clock, seconds=10, start=0.5, until=0.6)
    assert time_left.seconds == pytest.approx(40, rel=0.05)


def test_single_slow_steps_are_no_gaps(clock):
    time_left = TimeLeft(clock)
    run(time_left, clock, seconds=60, until=0.5, steps=6)
    assert time_left.seconds == pytest.approx(60)


def test_it_counts_down_between_updates_and_stops_at_zero(clock):
    time_left = TimeLeft(clock)
    run(time_left, clock, seconds=10, until=0.5)
    clock.now += 4
    assert time_left.seconds == pytest.approx(6)
    clock.now += 20
    assert time_left.seconds == 0
    assert time_left.seconds_elapsed == pytest.approx(34)
