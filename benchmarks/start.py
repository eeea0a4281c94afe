"""How long until something can be done, from the start of a process: stock nnU-Net and the worker.

    python benchmarks/start.py [--rounds N]

Stock imports its predictor and initialises it with the shipped model. The worker says hello, then ready,
loads the same model when asked at once, and segments the shipped CT. The two alternate; wall seconds are
medians, CPU seconds (user and system, of Linux) the least of the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "core/mobseg/resources/sample/ct.nii.gz"

sys.path.insert(0, str(ROOT))
from mobseg.bundle.store import resolve_model  # noqa: E402
from mobseg.protocol import Hello, Loaded, LoadRequest, Ready, SegmentRequest  # noqa: E402
from tests.support.worker_client import WorkerClient  # noqa: E402

_STOCK = """
import os, sys, tempfile, torch
for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(variable, tempfile.gettempdir())
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
predictor = nnUNetPredictor(
    use_mirroring=False, device=torch.device("cpu"), verbose=False, allow_tqdm=False
)
predictor.initialize_from_trained_model_folder(sys.argv[1], (0,))
print("ready", flush=True)
sys.stdin.read()
"""

Moment = tuple[str, float, float]


class _Clock:
    """Wall time since its start, and CPU time of a process."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def moment(self, name: str, pid: int) -> Moment:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return name, time.perf_counter() - self._start, ticks / os.sysconf("SC_CLK_TCK")


def stock(model: Path) -> Iterator[Moment]:
    """Import and initialise."""
    clock = _Clock()
    command = [sys.executable, "-c", _STOCK, str(model)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    # nnU-Net prints advice before.
    while process.stdout.readline() != "ready\n":
        pass
    yield clock.moment("stock: imported and initialised", process.pid)
    process.communicate()


def worker(model: Path, scratch: Path) -> Iterator[Moment]:
    """Everything is asked for at once, as by a user who cannot wait."""
    clock = _Clock()
    with WorkerClient("mobseg.worker", timeout=600) as client:
        client.send(LoadRequest("load", str(model), "cpu"))
        for kind, name in ((Hello, "hello"), (Ready, "ready"), (Loaded, "model loaded")):
            client.wait_for(kind)
            yield clock.moment(f"worker: {name}", client.process.pid)
        for number in ("first", "second"):
            client.ask(
                SegmentRequest(number, str(SAMPLE), str(scratch / number), str(model), report=False)
            )
            yield clock.moment(f"worker: {number} result", client.process.pid)


def measure(*, rounds: int) -> dict[str, dict[str, float]]:
    """Name of the moment -> seconds since the start of the process."""
    model = resolve_model(None).path
    seen: dict[str, list[Moment]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as scratch:
            for moment in (*stock(model), *worker(model, Path(scratch))):
                seen.setdefault(moment[0], []).append(moment)
    least: Any = min(cpu for _, _, cpu in seen["stock: imported and initialised"])
    middle = statistics.median(wall for _, wall, _ in seen["stock: imported and initialised"])
    return {
        name: {
            "median_seconds": (wall := statistics.median(moment[1] for moment in moments)),
            "least_cpu_seconds": (cpu := min(moment[2] for moment in moments)),
            "ratio": wall / middle,
            "ratio_cpu": cpu / least,
            "n": len(moments),
        }
        for name, moments in seen.items()
    }


def print_start(figures: dict[str, dict[str, float]]) -> None:
    print("\nSince the start of the process (ratio: to stock's start)")
    for name, moment in figures.items():
        print(
            f"  {name:<34} {moment['median_seconds']:7.2f} s wall {moment['ratio']:6.2f}   "
            f"{moment['least_cpu_seconds']:7.2f} s CPU {moment['ratio_cpu']:6.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    print_start(measure(rounds=parser.parse_args().rounds))


if __name__ == "__main__":
    main()
