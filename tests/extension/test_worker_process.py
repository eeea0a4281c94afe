"""Qt's process and timers, in the Qt host."""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path

import pytest
from MoBSegmentationLib.run_controller import RunState
from MoBSegmentationLib.scheduler import QtScheduler
from MoBSegmentationLib.worker_command import WorkerCommand
from MoBSegmentationLib.worker_process import QtWorkerProcess, qt_process_factory

from tests.architecture.layers import ROOT
from tests.extension.viewer import Viewer

application = pytest.importorskip(
    "tests.qt_host.application",
    reason="needs slicer-core==5.12.4.0 and PySide6-Essentials==6.8.3; see CONTRIBUTING.md",
)
pytestmark = pytest.mark.slicer


@pytest.fixture
def run_until():
    """Lets Qt's event loop run until a condition holds."""
    application.start()
    slicer = pytest.importorskip("slicer", reason="comes with the host")

    def run(condition, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "waited too long"
            slicer.app.processEvents()
            time.sleep(0.005)

    return run


class Events:
    def __init__(self) -> None:
        self.stdout = self.stderr = b""
        self.ends: list[int | None] = []
        self.reasons: list[str] = []

    def on_stdout(self, data):
        self.stdout += data

    def on_stderr(self, data):
        self.stderr += data

    def on_exit(self, exit_code):
        self.ends.append(exit_code)

    def on_not_started(self, reason):
        self.reasons.append(reason)


def _command(code: str, folder: Path = ROOT, **environment: str) -> WorkerCommand:
    return WorkerCommand(sys.executable, ("-c", code), {**os.environ, **environment}, str(folder))


def test_output_environment_folder_and_exit_code(run_until, tmp_path) -> None:
    folder = tmp_path / "Ordner mit ü und Leerzeichen"
    folder.mkdir()
    code = (
        "import os, sys; sys.stdout.buffer.write(os.environ['X'].encode() + os.getcwd().encode());"
        "sys.stderr.write('log'); sys.exit(9)"
    )
    events = Events()
    _process = QtWorkerProcess(_command(code, folder, X="größe ", PYTHONUTF8="1"), events)
    run_until(lambda: events.ends)
    assert events.stdout.decode() == f"größe {folder}"
    assert (events.stderr, events.ends, events.reasons) == (b"log", [9], [])


def test_nothing_that_was_written_before_the_end_is_lost(run_until) -> None:
    events = Events()
    _process = QtWorkerProcess(_command("import sys; sys.stdout.write('x' * 3_000_000)"), events)
    run_until(lambda: events.ends)
    assert len(events.stdout) == 3_000_000


def test_it_reads_until_its_input_is_closed(run_until) -> None:
    events = Events()
    process = QtWorkerProcess(_command("import sys; print(sys.stdin.buffer.read())"), events)
    process.write(b"one\n")
    process.write(b"two\n")
    process.close_input()
    run_until(lambda: events.ends)
    assert events.stdout.strip() == rb"b'one\ntwo\n'"
    process.write(b"after the end")
    process.kill()
    assert events.ends == [0]


def test_a_killed_process_has_no_exit_code(run_until) -> None:
    events = Events()
    process = QtWorkerProcess(_command("import time; print(1, flush=True); time.sleep(60)"), events)
    run_until(lambda: events.stdout)
    assert not process.wait(0.05)
    process.kill()
    assert process.wait(10)
    run_until(lambda: events.ends)
    assert events.ends == [None]


def test_a_process_that_nobody_holds_is_still_followed_to_its_end(run_until) -> None:
    events = Events()
    QtWorkerProcess(_command("import time; time.sleep(0.2)"), events)
    gc.collect()
    run_until(lambda: events.ends)
    assert events.ends == [0]


def test_a_program_that_does_not_exist_is_told(run_until, tmp_path) -> None:
    events = Events()
    command = WorkerCommand(str(tmp_path / "nothing here"), (), dict(os.environ), str(tmp_path))
    _process = QtWorkerProcess(command, events)
    run_until(lambda: events.reasons)
    assert events.reasons[0]
    assert events.ends == []


def test_a_timer_rings_once_and_not_when_taken_back(run_until) -> None:
    rung = []
    scheduler = QtScheduler()
    scheduler.call_later(0.02, lambda: rung.append("first"))
    take_back = scheduler.call_later(0.02, lambda: rung.append("second"))
    take_back()
    take_back()
    scheduler.call_later(0.1, lambda: rung.append("third"))
    run_until(lambda: "third" in rung)
    assert rung == ["first", "third"]


def test_a_run_that_hangs_is_killed_after_cancel(run_until, tmp_path) -> None:
    command = WorkerCommand(
        sys.executable,
        ("-c", "import tests.extension.hanging_worker"),
        dict(os.environ),
        str(ROOT),
    )
    processes = []
    start_process = qt_process_factory(lambda: command)

    def start_and_keep(events):
        processes.append(start_process(events))
        return processes[-1]

    viewer = Viewer(start_and_keep, QtScheduler(), tmp_path)
    viewer.controller.start(viewer.new_request())
    run_until(lambda: viewer.controller.state is RunState.RUNNING)
    start = time.monotonic()
    viewer.controller.cancel()
    run_until(lambda: viewer.heard.cancelled == 1, 10)
    assert 2.5 < time.monotonic() - start < 5
    assert viewer.left == []
    assert processes[0].wait(5), "the worker outlived the run"
