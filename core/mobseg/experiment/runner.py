"""Runs the steps of an experiment, several at once, and goes on where an earlier run stopped."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mobseg.errors import MobsegError
from mobseg.experiment.steps import Step
from mobseg.progress import Progress

_POLL_SECONDS = 0.2


class Job(Protocol):
    """A command under way; :class:`subprocess.Popen` is one."""

    def poll(self) -> int | None:
        """Exit code, ``None`` while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def wait(self) -> int:
        """Exit code once it has ended."""


#: Starts a step whose output goes to the log file.
Launch = Callable[[Step, Path], Job]

#: Told about a finished step: the step, its exit code and its seconds.
Finished = Callable[[Step, int, float], None]


def launch_command(step: Step, log: Path) -> Job:
    """Run ``mobseg`` in a process of its own."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "mobseg", *step.arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )


@dataclass
class _State:
    """What is still to do, what runs, and what failed."""

    waiting: list[Step]
    done: set[str]
    running: dict[str, tuple[Step, Job, float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


def run_steps(
    steps: Sequence[Step],
    logs: Path,
    progress: Progress,
    *,
    jobs: int = 1,
    launch: Launch = launch_command,
    finished: Finished = lambda step, code, seconds: None,  # noqa: ARG005
) -> None:
    """Run every step whose result is not there yet.

    A step starts once those it needs are done. After a failure all that does not need it still runs, so that
    an experiment left alone overnight gives what it can.

    Args:
        steps: in the order of preference.
        logs: folder for one log file per step.
        progress: told what runs; asked whether to go on.
        jobs: commands at once.
        launch: starts a step.
        finished: told about every step that ended.

    Raises:
        Cancelled: the user cancelled; running commands were asked to end, and can be resumed.
        MobsegError: steps failed, or ended without their result.
    """
    logs.mkdir(parents=True, exist_ok=True)
    done = {step.name for step in steps if step.result.exists()}
    state = _State([step for step in steps if step.name not in done], done)
    try:
        while state.running or _startable(state):
            _start(state, logs, jobs, launch)
            progress.report(_stage(state, len(steps)), len(state.done) / len(steps))
            progress.raise_if_cancelled()
            _collect(state, finished)
    except BaseException:
        _stop(state)
        raise
    if state.failed:
        raise MobsegError(
            f"{len(state.failed)} of {len(steps)} steps failed ({', '.join(state.failed[:3])}), and "
            f"{len(state.waiting)} need them; see the logs in {logs} and run the experiment again."
        )


def log_name(step: Step) -> str:
    """File name of the log of a step."""
    return f"{step.name.replace(' ', '_')}.log"


def _startable(state: _State) -> list[Step]:
    return [step for step in state.waiting if state.done.issuperset(step.needs)]


def _start(state: _State, logs: Path, jobs: int, launch: Launch) -> None:
    for step in _startable(state)[: max(jobs - len(state.running), 0)]:
        state.waiting.remove(step)
        state.running[step.name] = (step, launch(step, logs / log_name(step)), time.monotonic())


def _collect(state: _State, finished: Finished) -> None:
    """Wait a little, and take note of what has ended."""
    time.sleep(_POLL_SECONDS)
    for name, (step, job, start) in list(state.running.items()):
        code = job.poll()
        if code is None:
            continue
        del state.running[name]
        if code == 0 and step.result.exists():
            state.done.add(name)
        else:
            state.failed.append(name)
        finished(step, code, time.monotonic() - start)


def _stop(state: _State) -> None:
    for _, job, _ in state.running.values():
        job.terminate()
    for _, job, _ in state.running.values():
        job.wait()


def _stage(state: _State, total: int) -> str:
    number = len(state.done) + len(state.failed)
    return f"{number} of {total} steps done; running: {', '.join(state.running) or 'nothing'}"
