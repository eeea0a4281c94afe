"""Draw a failure and a correction of a model: delineation, probability and variance (figures 5 and 6).

    python draw_slices.py MODEL BASE --measured MODEL.json BASE.json --images DIR --raters DIR -o PNG

The failure is the case of the lowest Dice, the correction that of the largest gain over the base, among cases
of which both models found something. The slice is the one with most of the raters' voxels.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.model import load_model
from mobseg.options import SegmentOptions
from mobseg.pipeline import segment_volume
from mobseg.progress import SilentProgress

WINDOW_HU = (-1000, 400)


def chosen_cases(model: Path, base: Path) -> dict[str, str]:
    ours, theirs = (json.loads(path.read_text())["cases"] for path in (model, base))
    dice = {name: figures["dice"] for name, figures in ours.items() if figures["dice"]}
    gain = {name: value - (theirs[name]["dice"] or 1) for name, value in dice.items()}
    return {
        "failure": min(dice, key=dice.__getitem__),
        "correction": max(gain, key=gain.__getitem__),
    }


def draw_case(axes: Any, title: str, name: str, arguments: argparse.Namespace) -> None:
    volume = read_scalar_volume(arguments.images / f"{name}_0000.nii.gz").volume
    raters = [
        read_label_volume(path).array > 0 for path in sorted(arguments.raters.glob(f"{name}__*"))
    ]
    maps, base = (
        segment_volume(
            volume, load_model(path, device="cpu"), SegmentOptions(device="cpu"), SilentProgress()
        ).maps.dense()
        for path in (arguments.model, arguments.base)
    )
    k = int(np.argmax(np.sum(raters, axis=(0, 2, 3))))
    for panel in axes:
        panel.imshow(volume.array[k], cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1])
        panel.set_axis_off()
    for rater in raters:
        axes[0].contour(rater[k], [0.5], colors="tab:green", linewidths=0.7)
    axes[0].contour(base.labels[k], [0.5], colors="tab:cyan", linewidths=1.2)
    axes[0].contour(maps.labels[k], [0.5], colors="tab:orange", linewidths=1.2)
    axes[0].set_title(f"{title}: raters, base, model", fontsize=8)
    for panel, values, heading in (
        (axes[1], maps.probability_mean[0][k], "E[p]"),
        (axes[2], maps.probability_variance[0][k], "Var[p]"),
    ):
        shown = np.ma.masked_less(values, 0.01 * max(float(values.max()), 1e-6))
        image = panel.imshow(shown, cmap="inferno", alpha=0.8, vmin=0, vmax=float(values.max()))
        panel.figure.colorbar(image, ax=panel, shrink=0.8)
        panel.set_title(heading, fontsize=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("base", type=Path)
    parser.add_argument("--measured", type=Path, nargs=2, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--raters", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()

    figure = Figure(figsize=(9, 6), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subplots(2, 3)
    for axes, (title, name) in zip(rows, chosen_cases(*arguments.measured).items(), strict=True):
        draw_case(axes, title, name, arguments)
        print(f"{title}: {name}")
    figure.savefig(arguments.output, metadata={"Software": None})


if __name__ == "__main__":
    main()
