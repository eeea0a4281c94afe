"""Both ways of segmenting a CT, alternating, each in a fresh process."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import SimpleITK as sitk

WAYS = ("stock", "mobseg")


@dataclass(frozen=True)
class Case:
    """What both sides do.

    Attributes:
        model: model folder.
        image: CT.
        rounds: alternations of the two ways.
        repeats: timed runs per process, after one for warming up; with 0 the first run is timed.
        standin: replace the network by one without a cost.
        options: of :class:`mobseg.options.SegmentOptions`, for mobseg.
    """

    model: Path
    image: Path
    rounds: int
    repeats: int
    standin: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def compare(case: Case) -> dict[str, Any]:
    """Figures of both ways, and ratios of mobseg to stock nnU-Net."""
    with tempfile.TemporaryDirectory() as scratch:
        processes: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for _ in range(case.rounds):
            for way in WAYS:
                processes[way].append(run_process(way, case, Path(scratch)))
        agreement = label_agreement(*(Path(processes[way][-1]["label_map"]) for way in WAYS))
    size = sitk.ReadImage(str(case.image)).GetSize()
    result: dict[str, Any] = {"image": list(size), "label_agreement": agreement}
    result |= {way: summarise(processes[way]) for way in WAYS}
    result["ratio"] = {
        figure: result["mobseg"][figure] / value
        for figure, value in result["stock"].items()
        if isinstance(value, float) and value > 0
    }
    return result


def run_process(way: str, case: Case, scratch: Path) -> dict[str, Any]:
    """What ``one_way.py`` prints."""
    script = Path(__file__).with_name("one_way.py")
    command = [sys.executable, str(script), way, str(case.model), str(case.image), str(scratch)]
    command += [str(case.repeats), "--options", json.dumps(case.options)]
    command += ["--standin"] if case.standin else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def summarise(processes: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians and least values over the runs of the processes."""
    runs = [run for process in processes for run in process["runs"]]
    rest = [{kind: run[kind] - run[f"forward_{kind}"] for kind in ("wall", "cpu")} for run in runs]
    return {
        "median_seconds": statistics.median(run["wall"] for run in runs),
        "range_seconds": [min(run["wall"] for run in runs), max(run["wall"] for run in runs)],
        "least_cpu_seconds": min(run["cpu"] for run in runs),
        "median_seconds_without_network": statistics.median(run["wall"] for run in rest),
        "least_cpu_seconds_without_network": min(run["cpu"] for run in rest),
        "peak_gib": max(process["peak_gib"] for process in processes),
        "ready_seconds": statistics.median(process["ready_seconds"] for process in processes),
        "n": len(runs),
        "stages": _stages(processes),
    }


def _stages(processes: list[dict[str, Any]]) -> dict[str, float]:
    """Median wall seconds of each stage over the processes, of the last run of each."""
    names = processes[0]["stages"]
    return {name: statistics.median(p["stages"][name] for p in processes) for name in names}


def label_agreement(first: Path, second: Path) -> float:
    """Share of the voxels with the same label."""
    arrays = [sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (first, second)]
    return float((arrays[0] == arrays[1]).mean())
