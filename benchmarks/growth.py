"""How time and memory of everything but the network grow: with the volume, the classes and the windows.

    python benchmarks/growth.py [--up-to MILLION_VOXELS] [--classes 2,8,25,104] [--only SERIES] [--goal]

One run each, each in a fresh process, with a network that costs nothing (``standin.py``). CPU seconds and
peak memory go to ``growth.json`` and ``docs/images/growth.png``, with the exponent e of a fit of a power of
the size: 1 is linear. Memory is fitted above that of the smallest run's process start.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from end_to_end import large_case
from sides import Case, run_process

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator

ROOT = Path(__file__).parents[1]

Size = tuple[int, int, int]

_SPACING = (0.75, 0.75, 1.2)
_VOLUMES: tuple[Size, ...] = ((128,) * 3, (256,) * 3, (512, 512, 300), (512, 512, 800))
_CLASSES = (2, 8, 25, 104)
_STEPS = (1.0, 0.5, 0.25)


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        series: what it is a point of.
        size: voxels of the CT along i, j and k.
        classes: with background.
        step: of the windows, as a share of their size.
        patch: voxels of a window along each axis.
    """

    series: str
    size: Size
    classes: int = 2
    step: float = 0.5
    patch: int = 128

    @property
    def windows(self) -> int:
        """Number of windows on the network's grid of 1.5 mm."""
        grid = [
            max(round(n * mm / 1.5), self.patch) for n, mm in zip(self.size, _SPACING, strict=True)
        ]
        return math.prod(math.ceil((n - self.patch) / (self.patch * self.step)) + 1 for n in grid)

    @property
    def x(self) -> float:
        """Its place on the axis of the series."""
        return {
            "million voxels": math.prod(self.size) / 1e6,
            "classes": float(self.classes),
            "windows": float(self.windows),
        }[self.series]


def jobs(classes: Sequence[int]) -> Iterator[Job]:
    """Every point of the three series."""
    for size in _VOLUMES:
        yield Job("million voxels", size)
    for count in classes:
        yield Job("classes", (256, 256, 256), classes=count)
    for step in _STEPS:
        yield Job("windows", (256, 256, 256), step=step, patch=64)


def run(job: Job) -> dict[str, Any]:
    """CPU and wall seconds without the network, and peak memory in GiB."""
    with tempfile.TemporaryDirectory() as scratch:
        model, image = large_case(Path(scratch), job.size, _SPACING, job.classes, job.patch)
        case = Case(model, image, 1, repeats=0, standin=True, options={"step": job.step})
        result = run_process("mobseg", case, Path(scratch))
    (first,) = result["runs"]
    return asdict(job) | {
        "x": job.x,
        "windows": job.windows,
        "cpu_seconds": first["cpu"] - first["forward_cpu"],
        "seconds": first["wall"] - first["forward_wall"],
        "peak_gib": result["peak_gib"],
        "start_gib": result["start_gib"],
        "stages": result["stages"],
    }


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """Power of x in the least-squares fit of y in logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def fits(points: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Series of two points or more -> exponents of the CPU time and of the memory above that at the start."""
    found = {}
    for series in dict.fromkeys(point["series"] for point in points):
        own = [point for point in points if point["series"] == series]
        if len(own) < 2:
            continue
        x = [point["x"] for point in own]
        found[series] = {
            "cpu_seconds": exponent(x, [point["cpu_seconds"] for point in own]),
            "peak_gib": exponent(x, [point["peak_gib"] - point["start_gib"] for point in own]),
        }
    return found


def draw(points: list[dict[str, Any]], exponents: dict[str, dict[str, float]], path: Path) -> None:
    """Time above, memory below, a column for each series, on logarithmic axes."""
    figure, panels = plt.subplots(2, len(exponents), figsize=(9, 5), squeeze=False)
    for column, (series, found) in enumerate(exponents.items()):
        own = [point for point in points if point["series"] == series]
        for row, (key, label) in enumerate(
            (("cpu_seconds", "CPU seconds"), ("peak_gib", "peak memory, GiB"))
        ):
            panel = panels[row, column]
            x, y = [p["x"] for p in own], [p[key] for p in own]
            panel.loglog(x, y, "o-", color="#0072b2")
            panel.set_xticks(x, [f"{value:.3g}" for value in x])
            panel.set_ylim(0.5 * min(y), 2 * max(y))
            panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            panel.yaxis.set_major_formatter("{x:g}")
            panel.minorticks_off()
            panel.set_title(f"exponent {found[key]:.2f}", fontsize=10)
            panel.set_xlabel(series)
            panel.grid(alpha=0.3)
            if column == 0:
                panel.set_ylabel(label)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def measure(chosen: Sequence[Job]) -> list[dict[str, Any]]:
    """The points, each printed as soon as it is there."""
    points = []
    for job in chosen:
        point = run(job)
        points.append(point)
        size = " x ".join(map(str, job.size))
        print(
            f"  {size:<16} {job.classes:4d} classes {job.windows:5d} windows "
            f"{point['cpu_seconds']:8.1f} s CPU {point['seconds']:8.1f} s wall "
            f"{point['peak_gib']:6.2f} GiB",
            flush=True,
        )
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--up-to", type=float, default=math.inf, metavar="MILLION_VOXELS")
    parser.add_argument("--classes", default=",".join(map(str, _CLASSES)))
    parser.add_argument("--only", help="one series: million voxels, classes or windows")
    parser.add_argument("--goal", action="store_true", help="512x512x800 with 104 classes alone")
    given = parser.parse_args()
    if given.goal:
        measure([Job("million voxels", _VOLUMES[-1], classes=104)])
        return
    chosen = [
        job
        for job in jobs([int(count) for count in given.classes.split(",")])
        if math.prod(job.size) <= given.up_to * 1e6 and given.only in (None, job.series)
    ]
    points = measure(chosen)
    exponents = fits(points)
    for series, found in exponents.items():
        print(
            f"  with the {series}: time to the power {found['cpu_seconds']:.2f}, "
            f"memory {found['peak_gib']:.2f}"
        )
    content = {"points": points, "exponents": exponents}
    Path(__file__).with_name("growth.json").write_text(json.dumps(content, indent=2) + "\n")
    if exponents:
        draw(points, exponents, ROOT / "docs/images/growth.png")


if __name__ == "__main__":
    main()
