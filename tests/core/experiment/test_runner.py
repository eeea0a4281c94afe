"""Running steps: order, several at once, resuming, failures and cancelling."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mobseg.errors import Cancelled, MobsegError
from mobseg.experiment.runner import launch_command, log_name, run_steps
from mobseg.experiment.steps import Step
from mobseg.progress import SilentProgress

QUIET = SilentProgress()


class FakeJob:
    """Ends after some polls; writes its result unless it fails."""

    def __init__(self, step: Step, polls: int, code: int) -> None:
        self._step, self._polls, self._code = step, polls, code
        self.terminated = False

    def poll(self) -> int | None:
        self._polls -= 1
        if self._polls > 0:
            return None
        if self._code == 0:
            self._step.result.touch()
        return self._code

    def terminate(self) -> None:
        self.terminated = True

    def wait(self) -> int:
        return -15


class Launcher:
    """Starts fake jobs and remembers them."""

    def __init__(self, *, fails: tuple[str, ...] = (), polls: int = 2) -> None:
        self._fails, self._polls = fails, polls
        self.jobs: dict[str, FakeJob] = {}
        self.most_at_once = 0

    def __call__(self, step: Step, log: Path) -> FakeJob:
        running = [job for job in self.jobs.values() if job._polls > 0]
        self.most_at_once = max(self.most_at_once, len(running) + 1)
        self.jobs[step.name] = FakeJob(step, self._polls, int(step.name in self._fails))
        return self.jobs[step.name]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobseg.experiment.runner._POLL_SECONDS", 0.0)


def _steps(folder: Path) -> list[Step]:
    """A diamond: a, then b and c, then d."""
    needs = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
    return [Step(name, ("x",), folder / name, needs[name]) for name in needs]


def test_each_step_waits_for_what_it_needs(tmp_path: Path) -> None:
    launch, ended = Launcher(), []
    run_steps(
        _steps(tmp_path),
        tmp_path / "logs",
        QUIET,
        jobs=2,
        launch=launch,
        finished=lambda step, code, seconds: ended.append((step.name, code, seconds >= 0)),
    )
    assert list(launch.jobs) == ["a", "b", "c", "d"]
    assert launch.most_at_once == 2
    assert sorted(ended) == [(name, 0, True) for name in "abcd"]


def test_one_job_at_a_time(tmp_path: Path) -> None:
    launch = Launcher()
    run_steps(_steps(tmp_path), tmp_path / "logs", QUIET, launch=launch)
    assert launch.most_at_once == 1


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "c").touch()
    launch = Launcher()
    run_steps(_steps(tmp_path), tmp_path / "logs", QUIET, launch=launch)
    assert list(launch.jobs) == ["b", "d"]


def test_a_failure_stops_only_what_needs_it(tmp_path: Path) -> None:
    launch = Launcher(fails=("b",))
    with pytest.raises(MobsegError, match=r"1 of 4 steps failed \(b\), and 1 need them"):
        run_steps(_steps(tmp_path), tmp_path / "logs", QUIET, launch=launch)
    assert list(launch.jobs) == ["a", "b", "c"]


def test_a_command_that_ends_well_without_its_result_has_failed(tmp_path: Path) -> None:
    step = Step("a", ("models", "list"), tmp_path / "never" / "made")
    with pytest.raises(MobsegError, match="1 of 1 steps failed"):
        run_steps([step], tmp_path / "logs", QUIET, launch=launch_command)
    assert "parotid" in (tmp_path / "logs" / log_name(step)).read_text()


def test_cancelling_ends_what_runs(tmp_path: Path) -> None:
    class CancelAtOnce(SilentProgress):
        def raise_if_cancelled(self) -> None:
            raise Cancelled("Cancelled.")

    launch = Launcher(polls=1000)
    with pytest.raises(Cancelled):
        run_steps(_steps(tmp_path), tmp_path / "logs", CancelAtOnce(), launch=launch)
    assert launch.jobs["a"].terminated


def test_the_same_python_runs_the_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        "mobseg.experiment.runner.subprocess.Popen", lambda command, **_: seen.append(command)
    )
    launch_command(Step("a", ("train", "1"), tmp_path / "x" / "y"), tmp_path / "log")
    assert seen == [[sys.executable, "-m", "mobseg", "train", "1"]]
