"""The figures of the report: calibration and review curves of the measured models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mobseg.experiment.results import Floats, Row
from mobseg.experiment.tables import SCORE_TITLES
from mobseg.metrics.score_metrics import COMPARED_SCORES

_SIZE_INCHES = (8.4, 4.8)
_DPI = 130

#: Curves in one picture; more cannot be told apart.
_MOST_ROWS = 20


def draw_figures(rows: Sequence[Row], folder: Path, cases: str) -> list[tuple[Path, str]]:
    """Draw what the measurements allow.

    Args:
        rows: models measured on the same cases.
        folder: where the pictures go.
        cases: name of the cases, for the names of the files.

    Returns:
        Each file and its caption.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shown = rows[:_MOST_ROWS]
    pictures = []
    domain = "raters_band" if "raters_band" in rows[0].runs[0]["reliability"] else "band"
    path = folder / f"calibration_{cases}.png"
    _draw(path, partial(_calibration, rows=shown, domain=domain))
    whose = "the raters" if domain == "raters_band" else "the reference"
    pictures.append(
        (path, f"Foreground probability in the band against the share of {whose}, first seed.")
    )
    for row in (row for row in rows if row.n_seeds > 1):
        path = folder / f"review_{cases}_{row.name}.png"
        _draw(path, partial(_review, row=row))
        pictures.append(
            (
                path,
                f"{row.name}: errors found by a reviewer in the order of each map, mean of seeds.",
            )
        )
    return pictures


def _draw(path: Path, paint: Callable[[Axes], None]) -> None:
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    paint(axes)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, metadata={"Software": None})


def _calibration(axes: Axes, rows: Sequence[Row], domain: str) -> None:
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--", label="perfect")
    axes.set_prop_cycle(color=colormaps["tab20"].colors)  # type: ignore[attr-defined]
    for row in rows:
        curve = row.runs[0]["reliability"][domain]
        axes.plot(curve["confidence"], curve["hit_rate"], marker=".", label=row.name)
    axes.set(xlabel="mean probability of foreground", ylabel="share that is foreground")


def _review(axes: Axes, row: Row) -> None:
    steps = np.array(row.runs[0]["review"]["steps"])
    axes.plot(steps, _mean(row, "oracle"), color="black", linewidth=0.8, label="oracle")
    axes.plot(
        steps, steps, color="grey", linewidth=0.8, linestyle="--", label="random, in the band"
    )
    for score in COMPARED_SCORES:
        axes.plot(steps, _mean(row, score), label=SCORE_TITLES[score])
    axes.set(xlabel="volume reviewed / volume of the band", ylabel="share of the errors found")


def _mean(row: Row, curve: str) -> Floats:
    mean: Floats = np.mean([run["review"][curve]["found"] for run in row.runs], axis=0)
    return mean
