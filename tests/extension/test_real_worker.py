"""The run controller with real workers: the shipped model on the shipped CT, and processes that die."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from MoBSegmentationLib.run_controller import RunState
from MoBSegmentationLib.worker_command import WorkerCommand, worker_command

from mobseg.bundle.layout import RESOURCES
from mobseg.prediction_folder import read_prediction_folder
from tests.architecture.layers import ROOT
from tests.extension.viewer import Loop, PipeProcess, Viewer

PYTHON = Path(sys.executable)

#: Wider than the shipped CT: a run on it takes long enough to be interrupted.
COPIES = 4


class Real(Viewer):
    """A viewer with real processes; ``processes`` holds those that it started."""

    def __init__(self, root: Path, command: WorkerCommand) -> None:
        self.loop = Loop()
        self.processes: list[PipeProcess] = []
        self._command = command
        super().__init__(self._start, self.loop, root)

    def _start(self, events) -> PipeProcess:
        self.processes.append(PipeProcess(self._command, events, self.loop))
        return self.processes[-1]

    def run_to_end(self, request):
        """The run's folder and summary."""
        before = len(self.heard.finished)
        self.controller.start(request)
        self.loop.run_until(lambda: not self.controller.is_busy, 300)
        assert self.heard.failed == []
        assert len(self.heard.finished) == before + 1
        return self.heard.finished[-1]

    def run_until_predicting(self, request) -> None:
        self.controller.start(request)
        self.loop.run_until(lambda: any(stage == "Predicting" for stage, *_ in self.heard.progress))


@pytest.fixture(scope="module")
def ct(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("ct") / "ct.nrrd"
    sitk.WriteImage(sitk.ReadImage(str(RESOURCES / "sample" / "ct.nii.gz")), str(path))
    return path.read_bytes()


@pytest.fixture(scope="module")
def wide_ct(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("ct") / "wide.nrrd"
    image = sitk.ReadImage(str(RESOURCES / "sample" / "ct.nii.gz"))
    wide = sitk.GetImageFromArray(np.tile(sitk.GetArrayFromImage(image), (1, COPIES, COPIES)))
    wide.SetSpacing(image.GetSpacing())
    sitk.WriteImage(wide, str(path))
    return path.read_bytes()


@pytest.fixture
def viewer(tmp_path):
    """Its folder has a name that not every program can handle."""
    real = Real(tmp_path / "Läufe mit Leerzeichen", worker_command(PYTHON, os.environ))
    yield real
    real.controller.shutdown()
    for process in real.processes:
        assert process.wait(30), "a worker outlived its viewer"


def _with_broken_torch(tmp_path: Path) -> WorkerCommand:
    (tmp_path / "torch.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')", "utf-8"
    )
    command = worker_command(PYTHON, os.environ)
    path = os.pathsep.join((str(tmp_path), command.environment["PYTHONPATH"]))
    # Not the core's folder, which would go before the module path.
    return dataclasses.replace(
        command, environment={**command.environment, "PYTHONPATH": path}, folder=str(tmp_path)
    )


@pytest.mark.slow
def test_two_runs_give_the_same_and_the_second_starts_warm(viewer, ct) -> None:
    folder, summary = viewer.run_to_end(viewer.new_request(ct, device="cpu"))
    assert summary.structures[0].name == "Parotid gland"
    assert 20_000 < summary.structures[0].volume_mm3 < 60_000
    assert [device.name for device in viewer.heard.devices][-1] == "cpu"
    assert viewer.heard.states == [
        RunState.STARTING, RunState.LOADING, RunState.RUNNING, RunState.IDLE
    ]  # fmt: skip
    fractions = [fraction for _, fraction, _ in viewer.heard.progress]
    assert fractions == sorted(fractions)
    first = read_prediction_folder(folder.result)
    assert not folder.input.exists()
    folder.remove()

    folder, _ = viewer.run_to_end(viewer.new_request(ct, device="cpu"))
    second = read_prediction_folder(folder.result)
    assert np.array_equal(first.maps.labels, second.maps.labels)
    assert len(viewer.processes) == 1
    folder.remove()
    assert viewer.left == []


@pytest.mark.slow
def test_cancel_kill_and_a_new_run(viewer, ct, wide_ct) -> None:
    """One worker after another, because each takes seconds to start."""
    viewer.run_until_predicting(viewer.new_request(wide_ct))
    viewer.controller.cancel()
    viewer.loop.run_until(lambda: viewer.heard.cancelled == 1, 3.5)
    assert (viewer.controller.state, viewer.left) == (RunState.IDLE, [])

    viewer.heard.progress.clear()
    viewer.run_until_predicting(viewer.new_request(wide_ct))
    os.kill(viewer.processes[-1].process.pid, signal.SIGKILL)
    viewer.loop.run_until(lambda: viewer.heard.failed != [], 10)
    assert "stopped unexpectedly" in viewer.heard.failed[0][0]
    assert (viewer.controller.state, viewer.left) == (RunState.FAILED, [])

    viewer.heard.failed.clear()
    folder, summary = viewer.run_to_end(viewer.new_request(ct))
    assert summary.regions > 0
    folder.remove()


@pytest.mark.slow
def test_bad_input_is_a_sentence_without_names_and_a_box_is_kept_to(viewer, ct) -> None:
    viewer.controller.start(viewer.new_request(b"no image at all"))
    viewer.loop.run_until(lambda: not viewer.controller.is_busy)
    ((sentence, details),) = viewer.heard.failed
    assert sentence.endswith(".")
    assert str(viewer.root) not in details

    viewer.heard.failed.clear()
    image = sitk.ReadImage(str(RESOURCES / "sample" / "ct.nii.gz"))
    centre = image.TransformContinuousIndexToPhysicalPoint([n / 2 for n in image.GetSize()])
    x, y, z = -centre[0], -centre[1], centre[2]  # LPS to RAS
    box = (x - 1, x + 60, y - 60, y + 60, z - 60, z + 60)
    folder, half = viewer.run_to_end(viewer.new_request(ct, roi_ras_mm=box))
    labels = read_prediction_folder(folder.result).maps.labels
    assert labels.any()
    # The axes of the sample run to the left, so low indices are the right side, outside the box.
    inside = np.flatnonzero(labels.any(axis=(0, 1)))
    assert np.ptp(inside) < labels.shape[2] / 2 + 1
    assert half.structures[0].volume_mm3 < 40_000
    folder.remove()


def test_a_worker_without_pytorch_says_so(tmp_path) -> None:
    viewer = Real(tmp_path / "runs", _with_broken_torch(tmp_path))
    viewer.controller.start(viewer.new_request())
    viewer.loop.run_until(lambda: viewer.heard.failed != [], 60)
    sentence, details = viewer.heard.failed[0]
    assert "not installed" in sentence
    assert '"torch"' in details
    assert viewer.left == []
    assert viewer.processes[0].wait(30)


def test_shutdown_while_the_worker_starts_leaves_no_process(viewer) -> None:
    viewer.controller.start(viewer.new_request())
    viewer.controller.shutdown()
    assert viewer.processes[0].wait(5)
    assert viewer.heard.cancelled == 1
    assert viewer.left == []


LAUNCHER = """
import subprocess, sys
sys.exit(subprocess.call([sys.executable, "-c", "import tests.extension.hanging_worker"]))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker through /proc")
def test_the_worker_behind_a_launcher_is_killed_too(tmp_path) -> None:
    """``PythonSlicer`` is a launcher, whose end does not end the Python that it started."""
    command = WorkerCommand(sys.executable, ("-c", LAUNCHER), dict(os.environ), str(ROOT))
    viewer = Real(tmp_path / "runs", command)
    viewer.controller.start(viewer.new_request())
    viewer.loop.run_until(lambda: viewer.controller.state is RunState.RUNNING)
    children = Path(f"/proc/{viewer.processes[0].process.pid}/task")
    (worker,) = (
        int(pid) for file in children.glob("*/children") for pid in file.read_text().split()
    )
    viewer.controller.cancel()
    viewer.loop.run_until(lambda: viewer.heard.cancelled == 1, 5)
    viewer.loop.run_until(lambda: not _is_alive(worker), 5)
    viewer.loop.run_until(lambda: viewer.processes[0].wait(0.1), 5)


def _is_alive(pid: int) -> bool:
    """Whether it is there and not only waiting for its parent to notice its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_program_that_is_no_worker_is_told(tmp_path) -> None:
    command = worker_command(PYTHON, os.environ)
    command = dataclasses.replace(command, arguments=("-c", "print('hi'); raise SystemExit(3)"))
    viewer = Real(tmp_path / "runs", command)
    viewer.controller.start(viewer.new_request())
    viewer.loop.run_until(lambda: viewer.heard.failed != [], 30)
    sentence, details = viewer.heard.failed[0]
    assert "ended while it was starting" in sentence
    assert "hi" in details
    assert "exit code 3" in details
