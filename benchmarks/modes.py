"""What the faster and the more careful ways to run a model cost and give on cases with a reference.

    python benchmarks/modes.py IMAGES LABELS [--ways network|windows] [--split SPLITS_FINAL_JSON]
        [--model MODEL] [--band-mm MM] [-o JSON]

``network``: what computes it, in which precision. ``windows``: step, mirroring, the region of the organ first.
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
import numpy.typing as npt

from mobseg.cli.case_arguments import add_band_argument
from mobseg.cli.split import add_split_arguments, case_names
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.band import boundary_band
from mobseg.metrics.overlap import dice
from mobseg.metrics.score_metrics import measure_score
from mobseg.options import Box, SegmentOptions
from mobseg.pipeline import LoadedModel, Segmentation, load_model, segment_volume
from mobseg.prediction import PredictionMaps
from mobseg.progress import SilentProgress
from mobseg.uncertainty import score_map
from mobseg.volume import LabelVolume, ScalarVolume

Figures = dict[str, float]

#: Set of ways -> name of each way -> options of the run. All are compared with the first of their set.
WAYS: dict[str, dict[str, dict[str, Any]]] = {
    "network": {
        f"{engine} {precision}": {"engine": engine, "precision": precision}
        for engine in ("torch", "openvino")
        if engine == "torch" or find_spec(engine)
        for precision in ("float32", "bfloat16")
    },
    "windows": {
        "step 0.5": {},
        "step 0.75": {"step": 0.75},
        "step 1": {"step": 1.0},
        "mirrored": {"mirror": True},
        "region first": {"region_first": True},
    },
}

#: The windows are compared with one engine and precision.
_SAME_NETWORK = {"engine": "torch", "precision": "float32"}

#: Around the organ that a pass with windows side by side finds.
_REGION_MARGIN_MM = 40.0


def segment(
    volume: ScalarVolume, model: LoadedModel, options: SegmentOptions, *, region_first: bool
) -> Segmentation:
    """Segment the volume, or only the region of the organ that windows side by side find."""
    if region_first:
        first = SegmentOptions(**{**vars(options), "step": 1.0})
        labels = segment_volume(volume, model, first, SilentProgress()).maps.labels
        if labels.any():
            roi = _box_ras_mm(volume.geometry, labels > 0, _REGION_MARGIN_MM)
            options = SegmentOptions(**{**vars(options), "roi_ras_mm": roi})
    return segment_volume(volume, model, options, SilentProgress())


def compare(
    volume: ScalarVolume,
    reference: LabelVolume,
    model: LoadedModel,
    ways: dict[str, dict[str, Any]],
    band_mm: float,
) -> dict[str, Figures]:
    """Figures of one case for each way."""
    needs_roi = model.metadata is not None and model.metadata.requires_roi
    everything = np.ones(volume.geometry.shape_kji, dtype=bool)
    roi = _box_ras_mm(volume.geometry, everything, 0.0) if needs_roi else None
    figures: dict[str, Figures] = {}
    exact: PredictionMaps | None = None
    for way, chosen in ways.items():
        given = {**_SAME_NETWORK, **chosen}
        region_first = given.pop("region_first", False)
        options = SegmentOptions(device="cpu", roi_ras_mm=roi, **given)
        start = time.process_time()
        result = segment(volume, model, options, region_first=region_first)
        seconds = time.process_time() - start
        if result.record.options["engine"] != given["engine"]:
            raise RuntimeError(result.record.notes)
        maps = result.maps.dense()
        exact = exact or maps
        figures[way] = {
            **_against_reference(result, maps, reference, band_mm),
            "label_agreement": float((maps.labels == exact.labels).mean()),
            "largest_difference_of_mean": _largest(maps.probability_mean, exact.probability_mean),
            "largest_difference_of_variance": _largest(
                maps.probability_variance, exact.probability_variance
            ),
            "cpu_seconds": seconds,
        }
    return figures


def _against_reference(
    result: Segmentation, maps: PredictionMaps, reference: LabelVolume, band_mm: float
) -> Figures:
    predicted, truth = maps.labels > 0, reference.array > 0
    errors = predicted != truth
    score = score_map(maps, result.threshold.score)
    flagged = score >= result.threshold.value
    band = boundary_band(maps.labels, reference.array, maps.geometry.spacing_kji_mm, band_mm)
    voxel_mm3 = maps.geometry.voxel_volume_mm3
    measured = measure_score(
        result.threshold.score, score, predicted * 1, truth * 1, band, voxel_mm3
    )
    return {
        "dice": dice(predicted, truth),
        "review_benefit": measured.review_benefit,
        "errors_caught": float((errors & flagged).sum() / max(errors.sum(), 1)),
        "flagged_ml": float(flagged.sum() * voxel_mm3 / 1000),
        "regions": float(len(result.regions)),
    }


def _box_ras_mm(geometry: VolumeGeometry, mask: npt.NDArray[np.bool_], margin_mm: float) -> Box:
    """The box around a (K, J, I) mask and a margin, cut to the image."""
    spans_ijk = []
    for axis in (2, 1, 0):
        inside = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        margin = margin_mm / geometry.spacing_kji_mm[axis]
        low, high = inside[0] - 0.5 - margin, inside[-1] + 0.5 + margin
        spans_ijk.append((max(low, -0.5), min(high, mask.shape[axis] - 0.5)))
    corners = geometry.ijk_to_ras(list(itertools.product(*spans_ijk)))
    (x0, y0, z0), (x1, y1, z1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return (x0, x1, y0, y1, z0, z1)


def _largest(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--ways", choices=sorted(WAYS), default="network")
    add_split_arguments(parser)
    add_band_argument(parser)
    parser.add_argument("--model", help="default: the one that ships with mobseg")
    parser.add_argument("-o", "--output", type=Path, help="figures of every case, as JSON")
    given = parser.parse_args()
    names = case_names(given.split, given.fold) or sorted(
        path.name.removesuffix(".nii.gz") for path in given.labels.glob("*.nii.gz")
    )
    model = load_model(given.model, device="cpu")
    cases = {}
    for name in names:
        volume = read_scalar_volume(given.images / f"{name}_0000.nii.gz").volume
        reference = read_label_volume(given.labels / f"{name}.nii.gz")
        cases[name] = compare(volume, reference, model, WAYS[given.ways], given.band_mm)
        if given.output:
            given.output.write_text(json.dumps(cases, indent=1))
    _print_table(list(cases.values()))


def _print_table(cases: list[dict[str, Figures]]) -> None:
    ways = cases[0]
    print(f"{len(cases)} cases, mean over cases (differences: worst case; time: median)")
    print(f"{'':<32}" + "".join(f"{way:>20}" for way in ways))
    for key in next(iter(ways.values())):
        print(f"{key:<32}" + "".join(f"{_summary(key, cases, way):20.6f}" for way in ways))


def _summary(key: str, cases: list[dict[str, Figures]], way: str) -> float:
    values = [case[way][key] for case in cases]
    if key.startswith("largest"):
        return max(values)
    return statistics.median(values) if key == "cpu_seconds" else float(np.nanmean(values))


if __name__ == "__main__":
    main()
