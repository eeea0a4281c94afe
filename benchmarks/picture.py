"""Draws the time by stage of ``results.json`` for the README.

python benchmarks/picture.py [RESULTS_JSON] [PNG]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

from matplotlib import pyplot as plt
from stages import STAGES

ROOT = Path(__file__).parents[1]

#: Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = ("#999999", "#0072b2", "#e69f00", "#f0e442", "#56b4e9", "#cc79a7", "#009e73")

NAMES = {
    "read": "read",
    "preprocess": "preprocess",
    "network": "network",
    "stitch": "stitch",
    "native grid": "native grid, moments",
    "regions": "regions",
    "write": "compress, write",
}

#: Benchmarks of ``results.json`` that have stages, and what the picture calls them.
TITLES = {
    "without network": "512 x 512 x 300, everything but the network",
    "whole job": "256 x 256 x 120 with ResEncL",
    "shipped model": "shipped model and CT",
}


def bars(results: dict[str, Any]) -> list[tuple[str, str, dict[str, float]]]:
    """Title of the benchmark, name of the side, and its stages, from top to bottom."""
    return [
        (title, side, figures["stages"])
        for key, title in TITLES.items()
        for side, figures in results.get(key, {}).items()
        if isinstance(figures, dict) and figures.get("stages")
    ]


def draw(results: dict[str, Any], path: Path) -> None:
    """Stacked bars, one panel for each benchmark, because their times differ too much for one axis."""
    rows = bars(results)
    titles = list(dict.fromkeys(title for title, _, _ in rows))
    counts = [sum(row[0] == title for row in rows) for title in titles]
    figure, panels = plt.subplots(
        len(titles),
        1,
        figsize=(9, 0.75 * len(titles) + 0.42 * len(rows) + 0.5),
        height_ratios=[count + 0.4 for count in counts],
        squeeze=False,
        layout="constrained",
    )
    for panel, title in zip(panels[:, 0], titles, strict=True):
        _panel(panel, title, [(side, stages) for t, side, stages in rows if t == title])
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS]
    figure.legend(
        handles, [NAMES[s] for s in STAGES], loc="outside lower center", ncols=4, frameon=False
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _panel(panel: Any, title: str, sides: list[tuple[str, dict[str, float]]]) -> None:
    for row, (_, stages) in enumerate(sides):
        left = 0.0
        for stage, colour in zip(STAGES, COLOURS, strict=True):
            width = max(stages[stage], 0.0)
            panel.barh(row, width, left=left, color=colour, edgecolor="white", linewidth=0.6)
            left += width
        panel.text(left, row, f"  {left:.1f} s", va="center", fontsize=10)
    panel.set_yticks(range(len(sides)), [side for side, _ in sides], fontsize=10)
    panel.invert_yaxis()
    panel.set_title(title, loc="left", fontsize=11)
    panel.set_xlim(0, 1.12 * max(sum(stages.values()) for _, stages in sides))
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_xlabel("seconds", fontsize=9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "results", type=Path, nargs="?", default=Path(__file__).with_name("results.json")
    )
    parser.add_argument(
        "picture", type=Path, nargs="?", default=ROOT / "docs/images/time_by_stage.png"
    )
    given = parser.parse_args()
    draw(json.loads(given.results.read_text()), given.picture)
    print(f"Written to {given.picture}")


if __name__ == "__main__":
    main()
