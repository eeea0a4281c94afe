"""The whole job with the network: ResEncL on a CT of 256 x 256 x 120, by stock nnU-Net and by mobseg.

    python benchmarks/whole_job.py [--rounds N] [--small]

Each run is a fresh process; the sides alternate; the first round warms up and is not counted. The weights
are random but for the head's mean, which is scaled and shifted until most voxels are background for certain, as
after a training; the head is Mixture-of-Bases; stock takes the mean of the same model, without mirroring.
The CT is the chest sample, with air around it as in a wide field of view. The result goes to ``results.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from sides import Case, label_agreement, run_process, summarise

from mobseg.body import body_box
from mobseg.image_io import read_scalar_volume
from mobseg.inference.preprocessing import preprocess
from mobseg.inference.windows import pad_to_patch
from mobseg.model import load_model

ROOT = Path(__file__).parents[1]
CHEST = ROOT / "core/mobseg/resources/sample_chest/ct.nii.gz"

sys.path.insert(0, str(ROOT))
from tests.support.model_factory import make_model_folder  # noqa: E402
from tests.support.stochastic_factory import make_stochastic  # noqa: E402

#: Name of each side -> way of ``one_way.py`` and options of mobseg. Stock comes first.
SIDES: dict[str, tuple[str, dict[str, Any]]] = {
    "stock": ("stock", {}),
    "mobseg float32": ("mobseg", {"precision": "float32", "engine": "torch"}),
    "mobseg bfloat16": ("mobseg", {"precision": "bfloat16", "engine": "torch"}),
    "mobseg bfloat16, body": (
        "mobseg",
        {"precision": "bfloat16", "engine": "torch", "crop_to_body": True},
    ),
}
if find_spec("openvino"):
    SIDES |= {
        side.replace("mobseg", "openvino"): (way, options | {"engine": "openvino"})
        for side, (way, options) in SIDES.items()
        if way == "mobseg"
    }

#: Of nnU-Net's ResEncL planner.
_FEATURES = (32, 64, 128, 256, 320, 320)
_BLOCKS = (1, 3, 4, 6, 6, 6)

#: Standard deviation of the mean difference of the logits, and share of foreground, as after training.
_DEVIATION = 10.0
_FOREGROUND = 0.02


def measure(*, rounds: int, small: bool) -> dict[str, Any]:
    """Figures of every side, and their ratios to stock.

    Args:
        rounds: alternations of the sides that count, after one for warming up.
        small: a small network, CT and window, to try the benchmark out.
    """
    size, patch = ((64, 64, 32), 32) if small else ((256, 256, 120), 128)
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "ct_0000.nii.gz"
        spacing = write_chest(size, image)
        plain = make_model_folder(
            Path(scratch) / "model",
            patch=(patch, patch, patch),
            # A little coarser than the CT, so that both sides have to resample.
            spacing=(spacing[2], 1.05 * spacing[1], 1.05 * spacing[0]),
            features=_FEATURES[:3] if small else _FEATURES,
            blocks=_BLOCKS[:3] if small else _BLOCKS,
        )
        make_certain(make_stochastic(plain), image)
        case = Case(plain, image, rounds, repeats=0)
        processes, agreement = _alternate(case, Path(scratch))
        result: dict[str, Any] = {"image": list(size), "body_share": _body_share(image)}
    for side, runs in processes.items():
        result[side] = summarise(runs[1:]) | {"label_agreement": agreement[side]}
    stock = result["stock"]
    result["ratio"] = {
        side: {key: result[side][key] / stock[key] for key in ("median_seconds", "peak_gib")}
        for side in SIDES
    }
    return result


def _alternate(
    case: Case, scratch: Path
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, float]]:
    """Results of the processes of each side, and how many labels are stock's."""
    processes: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for _ in range(1 + case.rounds):
        for side, (way, options) in SIDES.items():
            folder = scratch / side
            folder.mkdir(exist_ok=True)
            processes[side].append(run_process(way, replace(case, options=options), folder))
    maps = {side: Path(runs[-1]["label_map"]) for side, runs in processes.items()}
    return processes, {side: label_agreement(maps["stock"], path) for side, path in maps.items()}


def write_chest(size: tuple[int, int, int], path: Path) -> tuple[float, float, float]:
    """Write the chest sample in a field of view of 500 mm, with air around it; returns the spacing in mm.

    Slices are interpolated, because the sample has fewer.
    """
    sample = sitk.ReadImage(str(CHEST))
    extent = [n * mm for n, mm in zip(sample.GetSize(), sample.GetSpacing(), strict=True)]
    field = (500.0, 500.0, extent[2])
    spacing = tuple(mm / n for mm, n in zip(field, size, strict=True))
    matrix = np.reshape(sample.GetDirection(), (3, 3))
    shift = [(inner - outer) / 2 for inner, outer in zip(extent, field, strict=True)]
    wide = sitk.Resample(
        sample,
        size,
        sitk.Transform(),
        sitk.sitkLinear,
        (np.array(sample.GetOrigin()) + matrix @ shift).tolist(),
        spacing,
        sample.GetDirection(),
        -1000,
        sample.GetPixelID(),
    )
    sitk.WriteImage(wide, str(path))
    return spacing


def make_certain(folder: Path, image: Path) -> None:
    """Scale and shift the mean difference of the two logits to a share of foreground.

    It is taken from the middle window of the CT.
    """
    loaded = load_model(folder, device="cpu")
    network, patch = loaded.networks[0], loaded.plan.patch_size
    data, _ = pad_to_patch(preprocess(read_scalar_volume(image).volume, loaded.plan).data, patch)
    starts = [(n - size) // 2 for n, size in zip(data.shape[1:], patch, strict=True)]
    middle = (slice(n, n + size) for n, size in zip(starts, patch, strict=True))
    with torch.inference_mode():
        logits = network(data[(slice(None), *middle)][None])[0]
    difference = logits[1] - logits[0]
    scale = _DEVIATION / difference.std()
    limit = torch.quantile(difference[::2, ::2, ::2].flatten(), 1 - _FOREGROUND)
    path = next(folder.glob("fold_0/checkpoint_final.pth"))
    checkpoint = torch.load(path, weights_only=True)
    weights = checkpoint["network_weights"]
    mean = f"decoder.seg_layers.{len(network.decoder.seg_layers) - 1}.mean."
    weights[mean + "weight"] = scale * weights[mean + "weight"]
    weights[mean + "bias"] = scale * (weights[mean + "bias"] - limit * torch.tensor([0.0, 1.0]))
    torch.save(checkpoint, path)


def _body_share(image: Path) -> float:
    """Share of the CT inside the box around the body."""
    volume = read_scalar_volume(image).volume
    k, j, i = map(slice, (0, 0, 0), volume.array.shape)
    return volume.array[body_box(volume, (k, j, i))].size / volume.array.size


def print_whole_job(result: dict[str, Any]) -> None:
    print(f"\nResEncL on {' x '.join(map(str, result['image']))} voxels")
    print(f"  box around the body: {result['body_share']:.2f} of the voxels")
    for side in SIDES:
        figures, ratio = result[side], result["ratio"][side]
        low, high = figures["range_seconds"]
        print(
            f"  {side:<24} {figures['median_seconds']:8.1f} s ({low:.1f} to {high:.1f}) "
            f"{ratio['median_seconds']:6.2f} x   {figures['least_cpu_seconds']:8.1f} s CPU   "
            f"{figures['peak_gib']:5.2f} GiB   labels as stock {figures['label_agreement']:.6f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2, help="that count, after one to warm up")
    parser.add_argument("--small", action="store_true", help="try it out; writes no results")
    given = parser.parse_args()
    result = measure(rounds=given.rounds, small=given.small)
    print_whole_job(result)
    if not given.small:
        path = Path(__file__).with_name("results.json")
        results = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps(results | {"whole job": result}, indent=2) + "\n")


if __name__ == "__main__":
    main()
