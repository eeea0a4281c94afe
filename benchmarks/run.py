"""Run all benchmarks, print the tables and write ``benchmarks/results.json``.

    python benchmarks/run.py [--quick]

Times are medians after a warm-up, and are to be read as ratios within one run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib import metadata, util
from pathlib import Path
from typing import Any

import end_to_end
import moments
import network
import start
import torch
from picture import ROOT, draw


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    return {
        "processor": platform.processor() or platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[1],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "nnunetv2": metadata.version("nnunetv2"),
        "openvino": metadata.version("openvino") if util.find_spec("openvino") else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="once each, on the small sample")
    quick = parser.parse_args().quick
    results: dict[str, Any] = {
        "machine": machine(),
        "moments": moments.measure(
            voxels=100_000 if quick else 1_000_000, repeats=1 if quick else 5
        ),
        "network": network.measure(patch=64, repeats=1 if quick else 3),
        "start": start.measure(rounds=1 if quick else 5),
        "shipped model": end_to_end.shipped_model(
            rounds=1 if quick else 3, repeats=1 if quick else 2
        ),
    }
    if not quick:
        results["without network"] = end_to_end.without_network(rounds=2, repeats=1)
    print_moments(results["moments"])
    print_network(results["network"])
    start.print_start(results["start"])
    for name, result in results.items():
        if "mobseg" in result:
            print_comparison(name, result)
    if not quick:
        path = Path(__file__).with_name("results.json")
        # What takes long is measured on its own, and stays.
        results = (json.loads(path.read_text()) if path.is_file() else {}) | results
        draw(results, ROOT / "docs/images/time_by_stage.png")
        path.write_text(json.dumps(results, indent=2) + "\n")
        print(f"Written to {path}")


def print_moments(result: dict[str, Any]) -> None:
    print(f"\nMoments of {result['voxels']} voxels")
    for name, figures in result.items():
        if isinstance(figures, dict):
            print(
                f"  {name:<38} {figures['median_seconds']:8.3f} s "
                f"{figures['times_closed_form']:6.1f} x   RMSE of the mean {figures['rmse_mean']:.1e}, "
                f"of the variance {figures['rmse_variance']:.1e}"
            )


def print_network(result: dict[str, Any]) -> None:
    print(f"\nResEncL, one window of {result['patch']} voxels along each axis")
    for name, figures in result.items():
        if isinstance(figures, dict):
            print(
                f"  {name:<38} {figures['median_seconds']:8.3f} s wall "
                f"{figures['least_cpu_seconds']:8.3f} s CPU {figures['ratio_cpu']:6.2f} x stock   "
                f"logits differ by {figures['largest_difference_of_logits']:.1e}   "
                f"to compile {figures['compile_cpu_seconds']:.2f} s CPU"
            )


def print_comparison(name: str, result: dict[str, Any]) -> None:
    print(f"\n{name}: {' x '.join(map(str, result['image']))} voxels")
    print(f"  {'':<34} {'stock':>8} {'mobseg':>8} {'ratio':>6}")
    for figure, ratio in result["ratio"].items():
        ours, stock = result["mobseg"][figure], result["stock"][figure]
        print(f"  {figure.replace('_', ' '):<34} {stock:8.2f} {ours:8.2f} {ratio:6.2f}")
    print(f"  label agreement {result['label_agreement']:.6f}")


if __name__ == "__main__":
    main()
