"""The whole job against stock nnU-Net's predictor and export: same model, CT and machine, interleaved."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from mobseg.bundle.store import resolve_model

SAMPLE = Path(__file__).parents[1] / "core/mobseg/resources/sample/ct.nii.gz"
WAYS = ("stock", "mobseg")


def measure(*, rounds: int, repeats: int, in_plane_factor: int) -> dict[str, Any]:
    """Time both ways on the sample CT, resampled to a finer grid.

    Args:
        rounds: alternations of the two ways, each in a fresh process.
        repeats: timed runs per process, after one for warming up.
        in_plane_factor: how much finer than the shipped sample the grid is in plane.
    """
    model = resolve_model(None).path
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "ct_0000.nii.gz"
        size = _refined(in_plane_factor, image)
        runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                runs[way].append(_run(way, model, image, Path(scratch), repeats))
        agreement = _agreement(*(Path(runs[way][-1]["label_map"]) for way in WAYS))
    result: dict[str, Any] = {"image": size, "label_agreement": agreement}
    for way in WAYS:
        seconds = [value for run in runs[way] for value in run["seconds"]]
        result[way] = {
            "median_seconds": statistics.median(seconds),
            "range_seconds": [min(seconds), max(seconds)],
            "n": len(seconds),
            "peak_gib": max(run["peak_gib"] for run in runs[way]),
            "ready_seconds": statistics.median(run["ready_seconds"] for run in runs[way]),
        }
    for figure in ("median_seconds", "peak_gib", "ready_seconds"):
        result[f"ratio_{figure}"] = result["mobseg"][figure] / result["stock"][figure]
    return result


def _refined(factor: int, destination: Path) -> list[int]:
    image = sitk.ReadImage(str(SAMPLE))
    i, j, k = image.GetSize()
    x, y, z = image.GetSpacing()
    finer = sitk.Resample(
        image,
        (i * factor, j * factor, k),
        sitk.Transform(),
        sitk.sitkLinear,
        image.GetOrigin(),
        (x / factor, y / factor, z),
        image.GetDirection(),
        -1000,
        image.GetPixelID(),
    )
    sitk.WriteImage(finer, str(destination))
    return list(finer.GetSize())


def _run(way: str, model: Path, image: Path, scratch: Path, repeats: int) -> dict[str, Any]:
    script = Path(__file__).with_name("one_way.py")
    command = [sys.executable, str(script), way, str(model), str(image), str(scratch), str(repeats)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _agreement(first: Path, second: Path) -> float:
    arrays = [sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (first, second)]
    return float((arrays[0] == arrays[1]).mean())
