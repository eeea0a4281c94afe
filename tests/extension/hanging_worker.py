"""A worker whose runs never end and ignore cancellation; importing this module starts it."""

from __future__ import annotations

import sys

from mobseg.worker.server import run_worker
from tests.core.worker.step_worker import StepEngine, hang


class HangingEngine(StepEngine):
    def segment(self, request, progress):
        progress.report("Hanging", 0.1)
        hang(progress)


sys.exit(run_worker(HangingEngine("0")))
