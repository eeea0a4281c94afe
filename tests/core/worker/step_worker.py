"""A worker whose engine counts steps instead of segmenting; ``python -m tests.core.worker.step_worker``.

What a request does is chosen by its input: see :data:`BEHAVIOURS`.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time

from mobseg.errors import InvalidInput
from mobseg.progress import Progress
from mobseg.protocol import Device, ModelInfo, SegmentRequest
from mobseg.summary import SegmentationSummary
from mobseg.worker.server import run_worker


def step(progress: Progress) -> None:
    """Take 1000 steps of 10 ms."""
    for done in range(1000):
        progress.raise_if_cancelled()
        progress.report("Stepping", done / 1000)
        time.sleep(0.01)


def print_everywhere(progress: Progress) -> None:
    print("stray print")  # noqa: T201
    print('{"type":"stopping","id":"1"}', file=sys.__stdout__, flush=True)
    os.write(1, b"stray write\n")
    libc = ctypes.CDLL(None) if os.name == "posix" else ctypes.cdll.msvcrt
    libc.puts(b"stray puts")
    libc.fflush(None)
    subprocess.run([sys.executable, "-c", "print('stray child')"], check=True)


def read_input(progress: Progress) -> None:
    """What a library that asks a question would do; it must not eat requests, nor wait."""
    assert os.read(0, 1) == b""


def fail(progress: Progress) -> None:
    raise InvalidInput("The input is broken; use another one.")


def crash(progress: Progress) -> None:
    raise ValueError("/scans/Doe_Jane.nii")


def hang(progress: Progress) -> None:
    """Ignore cancellation."""
    time.sleep(1000)


BEHAVIOURS = {
    behaviour.__name__: behaviour
    for behaviour in (step, print_everywhere, read_input, fail, crash, hang)
}


class StepEngine:
    def __init__(self, preparation: str) -> None:
        self._preparation = preparation
        self.models: tuple[ModelInfo, ...] = ()
        self.models_loaded = 0

    def prepare(self) -> tuple[Device, ...]:
        if self._preparation == "fails":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        time.sleep(0.0 if self._preparation == "cold" else float(self._preparation))
        return (Device("cpu", "CPU"),)

    def warm_up(self) -> None:
        if self._preparation == "cold":
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")

    def load(self, model: str | None, device: str) -> ModelInfo:
        self.models_loaded += 1
        self.models = (ModelInfo(model or "default", "A model", device),)
        return self.models[0]

    def segment(self, request: SegmentRequest, progress: Progress) -> SegmentationSummary:
        BEHAVIOURS[request.input](progress)
        return SegmentationSummary((), "entropy", 0.5, 0, 0.0, (), {})


if __name__ == "__main__":
    sys.exit(run_worker(StepEngine(preparation=sys.argv[1])))
