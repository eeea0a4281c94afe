"""``python -m mobseg.worker``: serve one viewer over standard input and output."""

from __future__ import annotations

import sys

from mobseg.worker.engine import PipelineEngine
from mobseg.worker.server import run_worker

sys.exit(run_worker(PipelineEngine()))
