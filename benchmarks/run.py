"""Run all benchmarks, print the tables and write ``benchmarks/results.json``.

    python benchmarks/run.py [--quick]

Times are medians after a warm-up, and are to be read as ratios within one run.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import end_to_end
import moments
import torch


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": platform.processor() or platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="once each, on the small sample")
    quick = parser.parse_args().quick
    results = {
        "machine": machine(),
        "moments": moments.measure(
            voxels=100_000 if quick else 2_000_000, repeats=1 if quick else 5
        ),
        "end_to_end": [
            end_to_end.measure(
                rounds=1 if quick else 2, repeats=1 if quick else 3, in_plane_factor=factor
            )
            for factor in ((1,) if quick else (1, 3))
        ],
    }
    print_moments(results["moments"])
    for result in results["end_to_end"]:
        print_end_to_end(result)
    if not quick:
        path = Path(__file__).with_name("results.json")
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


def print_end_to_end(result: dict[str, Any]) -> None:
    print(f"\nWhole job on {' x '.join(map(str, result['image']))} voxels")
    for way in end_to_end.WAYS:
        figures = result[way]
        print(
            f"  {way:<8} {figures['median_seconds']:7.2f} s   peak {figures['peak_gib']:.2f} GiB   "
            f"ready after {figures['ready_seconds']:.1f} s"
        )
    print(
        f"  ratio    {result['ratio_median_seconds']:7.2f}     {result['ratio_peak_gib']:.2f}   "
        f"label agreement {result['label_agreement']:.6f}"
    )


if __name__ == "__main__":
    main()
