"""What a precision of the network costs and gives on cases with a reference: labels, Dice, review, time.

    python benchmarks/precision.py IMAGES LABELS [--split SPLITS_FINAL_JSON] [--model MODEL]

Images are named CASE_0000.nii.gz and references CASE.nii.gz, as nnU-Net names them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.overlap import dice
from mobseg.options import SegmentOptions
from mobseg.pipeline import LoadedModel, Segmentation, load_model, segment_volume
from mobseg.progress import SilentProgress
from mobseg.uncertainty import score_map

EXACT, REDUCED = "float32", "bfloat16"


def compare(image: Path, reference: Path, model: LoadedModel) -> dict[str, dict[str, float]]:
    """Figures of one case for each precision."""
    volume = read_scalar_volume(image).volume
    truth = read_label_volume(reference).array
    results: dict[str, Segmentation] = {}
    seconds: dict[str, float] = {}
    for precision in (EXACT, REDUCED):
        start = time.process_time()
        results[precision] = segment_volume(
            volume, model, SegmentOptions(precision=precision), SilentProgress()
        )
        seconds[precision] = time.process_time() - start
    exact = results[EXACT].maps.dense()
    figures = {}
    for precision, result in results.items():
        maps = result.maps.dense()
        errors = maps.labels != truth
        flagged = score_map(maps, result.threshold.score) >= result.threshold.value
        figures[precision] = {
            "dice": dice(maps.labels > 0, truth > 0),
            "errors_caught": float((errors & flagged).sum() / max(errors.sum(), 1)),
            "flagged_ml": float(flagged.sum() * maps.geometry.voxel_volume_mm3 / 1000),
            "regions": float(len(result.regions)),
            "label_agreement": float((maps.labels == exact.labels).mean()),
            "largest_difference_of_mean": _largest(maps.probability_mean, exact.probability_mean),
            "largest_difference_of_variance": _largest(
                maps.probability_variance, exact.probability_variance
            ),
            "cpu_seconds": seconds[precision],
        }
    return figures


def _largest(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--split", type=Path, help="validation cases of the first fold only")
    parser.add_argument("--model", help="default: the one that ships with mobseg")
    given = parser.parse_args()
    names = sorted(path.name.removesuffix(".nii.gz") for path in given.labels.glob("*.nii.gz"))
    if given.split:
        names = json.loads(given.split.read_text())[0]["val"]
    model = load_model(given.model, device="cpu")
    cases = [
        compare(given.images / f"{name}_0000.nii.gz", given.labels / f"{name}.nii.gz", model)
        for name in names
    ]
    print(f"{len(cases)} cases, mean over cases (differences: worst case; time: median)")
    for key in cases[0][EXACT]:
        print(f"{key:<32}" + "".join(f"{_summary(key, cases, p):14.6f}" for p in (EXACT, REDUCED)))


def _summary(key: str, cases: list[dict[str, dict[str, float]]], precision: str) -> float:
    values: list[Any] = [case[precision][key] for case in cases]
    if key.startswith("largest"):
        return max(values)
    return statistics.median(values) if key == "cpu_seconds" else statistics.fmean(values)


if __name__ == "__main__":
    main()
