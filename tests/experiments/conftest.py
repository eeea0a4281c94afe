from __future__ import annotations

import sys

from tests.architecture.layers import ROOT

# The experiments are scripts.
sys.path[:0] = [str(ROOT / "experiments"), str(ROOT / "experiments" / "lidc_nodules")]
