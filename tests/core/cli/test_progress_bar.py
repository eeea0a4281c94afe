from __future__ import annotations

import io

import pytest

from mobseg.cli.progress_bar import TerminalProgress, format_seconds
from mobseg.errors import Cancelled


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def screen(self) -> str:
        """The current line as a terminal would show it."""
        line = ""
        for part in self.getvalue().split("\r"):
            line = part + line[len(part) :]
        return line.rstrip()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def _terminal_width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def predict(progress, clock, *, seconds, steps=100):
    for step in range(1, steps + 1):
        clock.now += seconds / steps
        progress.report("Predicting", step / steps)


def test_the_bar_shows_stage_percentage_and_time_left(clock):
    terminal = Terminal()
    with TerminalProgress(terminal, clock=clock) as progress:
        progress.report("Predicting", 0.0)
        assert terminal.screen() == "[........................]   0% Predicting"
        for step in range(1, 51):
            clock.now += 2.0
            progress.report("Predicting", step / 100)
        assert terminal.screen() == "[############............]  50% Predicting, 1 min 40 s left"


def test_a_shorter_text_leaves_nothing_of_the_longer_one(clock):
    terminal = Terminal()
    progress = TerminalProgress(terminal, clock=clock)
    progress.report("A long name of a stage", 0.5)
    progress.report("Short", 0.5)
    assert terminal.screen().endswith("50% Short")


def test_the_bar_is_gone_at_the_end_also_after_an_error(clock):
    terminal = Terminal()
    with (
        pytest.raises(ValueError, match="broken"),
        TerminalProgress(terminal, clock=clock) as progress,
    ):
        progress.report("Predicting", 0.3)
        raise ValueError("broken")
    assert terminal.screen() == ""
    assert terminal.getvalue().endswith("\r")


def test_the_bar_never_wraps(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    progress = TerminalProgress(terminal, clock=clock)
    progress.report("A-very-long-name-of-a-stage-too-long-for-this-terminal", 0.5)
    assert len(terminal.screen()) == 39


def test_a_terminal_is_redrawn_at_most_ten_times_a_second(clock):
    terminal = Terminal()
    progress = TerminalProgress(terminal, clock=clock)
    predict(progress, clock, seconds=2, steps=2000)
    assert 15 <= terminal.getvalue().count("\r") <= 21


def test_a_log_gets_few_whole_lines(clock):
    log = io.StringIO()
    with TerminalProgress(log, clock=clock) as progress:
        progress.report("Reading", 0.0)
        clock.now = 1.0
        progress.report("Preparing", 0.0)
        predict(progress, clock, seconds=60, steps=600)
        progress.report("Done", 1.0)
    lines = log.getvalue().splitlines()
    assert "\r" not in log.getvalue()
    assert lines[0] == "  0% Preparing"
    assert lines[-1] == "100% Done"
    assert 7 <= len(lines) <= 9
    assert lines[4].startswith(" 50% Predicting, 30 s left")


def test_a_log_gets_nothing_of_a_short_run(clock):
    log = io.StringIO()
    with TerminalProgress(log, clock=clock) as progress:
        progress.report("Reading", 0.0)
        predict(progress, clock, seconds=0.45)
        progress.report("Done", 1.0)
    assert log.getvalue() == ""


def test_cancellation():
    is_cancelled = False
    progress = TerminalProgress(io.StringIO(), is_cancelled=lambda: is_cancelled)
    progress.raise_if_cancelled()
    is_cancelled = True
    with pytest.raises(Cancelled):
        progress.raise_if_cancelled()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (4805, "1 h 20 min")],
)
def test_durations_for_people(seconds, text):
    assert format_seconds(seconds) == text
