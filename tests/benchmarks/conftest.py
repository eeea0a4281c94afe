from __future__ import annotations

import sys

from tests.architecture.layers import ROOT

# The benchmarks are scripts that import each other by name.
sys.path.insert(0, str(ROOT / "benchmarks"))
