"""What a way to compute the network costs and gives on cases with a reference: labels, Dice, review, time.

    python benchmarks/precision.py IMAGES LABELS [--split SPLITS_FINAL_JSON] [--model MODEL]

Images are named CASE_0000.nii.gz and references CASE.nii.gz, as nnU-Net names them. Each image is segmented
whole, also for a model that needs a region of interest, whose images are the regions. OpenVINO is left out
where it is not installed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mobseg.geometry import VolumeGeometry
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.overlap import dice
from mobseg.options import Box, SegmentOptions
from mobseg.pipeline import LoadedModel, Segmentation, load_model, segment_volume
from mobseg.progress import SilentProgress
from mobseg.uncertainty import score_map

#: Name of each way -> options of the run. All are compared with the first.
WAYS: dict[str, dict[str, Any]] = {
    f"{engine} {precision}": {"engine": engine, "precision": precision}
    for engine in ("torch", "openvino")
    if engine == "torch" or find_spec(engine)
    for precision in ("float32", "bfloat16")
}


def compare(image: Path, reference: Path, model: LoadedModel) -> dict[str, dict[str, float]]:
    """Figures of one case for each way."""
    volume = read_scalar_volume(image).volume
    truth = read_label_volume(reference).array
    needs_roi = model.metadata is not None and model.metadata.requires_roi
    roi = _whole(volume.geometry) if needs_roi else None
    results: dict[str, Segmentation] = {}
    seconds: dict[str, float] = {}
    for way, options in WAYS.items():
        start = time.process_time()
        results[way] = segment_volume(
            volume,
            model,
            SegmentOptions(device="cpu", roi_ras_mm=roi, **options),
            SilentProgress(),
        )
        seconds[way] = time.process_time() - start
        if results[way].record.options["engine"] != options["engine"]:
            raise RuntimeError(results[way].record.notes)
    exact = results[next(iter(WAYS))].maps.dense()
    figures = {}
    for way, result in results.items():
        maps = result.maps.dense()
        errors = maps.labels != truth
        flagged = score_map(maps, result.threshold.score) >= result.threshold.value
        figures[way] = {
            "dice": dice(maps.labels > 0, truth > 0),
            "errors_caught": float((errors & flagged).sum() / max(errors.sum(), 1)),
            "flagged_ml": float(flagged.sum() * maps.geometry.voxel_volume_mm3 / 1000),
            "regions": float(len(result.regions)),
            "label_agreement": float((maps.labels == exact.labels).mean()),
            "largest_difference_of_mean": _largest(maps.probability_mean, exact.probability_mean),
            "largest_difference_of_variance": _largest(
                maps.probability_variance, exact.probability_variance
            ),
            "cpu_seconds": seconds[way],
        }
    return figures


def _whole(geometry: VolumeGeometry) -> Box:
    """The box that holds the whole image."""
    ends_ijk = [(-0.5, n - 0.5) for n in reversed(geometry.shape_kji)]
    corners = geometry.ijk_to_ras(list(itertools.product(*ends_ijk)))
    (x0, y0, z0), (x1, y1, z1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return (x0, x1, y0, y1, z0, z1)


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
    print(f"{'':<32}" + "".join(f"{way:>20}" for way in WAYS))
    for key in cases[0][next(iter(WAYS))]:
        print(f"{key:<32}" + "".join(f"{_summary(key, cases, way):20.6f}" for way in WAYS))


def _summary(key: str, cases: list[dict[str, dict[str, float]]], way: str) -> float:
    values: list[Any] = [case[way][key] for case in cases]
    if key.startswith("largest"):
        return max(values)
    return statistics.median(values) if key == "cpu_seconds" else statistics.fmean(values)


if __name__ == "__main__":
    main()
