"""The figures of the report: calibration, review and Dice by number of bases of the measured models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mobseg.experiment.results import Floats, Row
from mobseg.experiment.review_tables import has_regions
from mobseg.experiment.table import SCORE_TITLES
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
        path = folder / f"review_{cases}_{_file_name(row)}.png"
        _draw(path, partial(_review, row=row))
        pictures.append(
            (
                path,
                f"{row.name}: errors found by a reviewer in the order of each map, mean of seeds.",
            )
        )
        if has_regions(row):
            path = folder / f"regions_{cases}_{_file_name(row)}.png"
            _draw(path, partial(_regions_found, row=row), partial(_regions_corrected, row=row))
            caption = "errors found and Dice gained by a reviewer who looks at region after region"
            pictures.append((path, f"{row.name}: {caption}, mean of seeds."))
    return pictures


def draw_bases_figure(
    bases: Mapping[int, Row], control: Row, folder: Path, cases: str
) -> tuple[Path, str]:
    """Figure 4 of the paper: Dice against the number of bases.

    Args:
        bases: models by number of bases, measured on the same cases.
        control: without any, for comparison.
        folder: where the picture goes; exists.
        cases: name of the cases, for the name of the file.

    Returns:
        The file and its caption.
    """
    path = folder / f"bases_{cases}.png"
    _draw(path, partial(paint_dice_by_bases, bases=bases, control=control))
    return path, "Dice against the number of bases M: mean and standard deviation over seeds."


def _draw(path: Path, *paints: Callable[[Axes], None]) -> None:
    """One panel for each painter, and the legend of the last beside it."""
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    for number, paint in enumerate(paints, start=1):
        axes = figure.add_subplot(1, len(paints), number)
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


def _regions_found(axes: Axes, row: Row) -> None:
    for number, score in enumerate(COMPARED_SCORES):
        found, ideal, random = (
            _mean_by_region(row, score, curve)
            for curve in ("found", "found_by_oracle", "found_at_random")
        )
        color = f"C{number}"
        axes.plot(found, color=color)
        axes.plot(ideal, color=color, linewidth=0.8, linestyle="--")
        axes.plot(random, color=color, linewidth=0.8, linestyle=":")
    axes.set(xlabel="regions reviewed", ylabel="share of the errors found")


def _regions_corrected(axes: Axes, row: Row) -> None:
    for score in COMPARED_SCORES:
        dice, volume = (_mean_by_region(row, score, curve) for curve in ("dice", "volume_ml"))
        axes.plot(volume, dice, marker=".", label=SCORE_TITLES[score])
    for style, order in (("-", "by rank"), ("--", "ideal order"), (":", "random order")):
        axes.plot([], [], color="grey", linestyle=style, label=order)
    axes.set(xlabel="volume of the regions reviewed (mL)", ylabel="Dice after corrections")


def _mean_by_region(row: Row, score: str, curve: str) -> Floats:
    mean: Floats = np.mean([run["region_review"][score][curve] for run in row.runs], axis=0)
    return mean


def paint_dice_by_bases(axes: Axes, bases: Mapping[int, Row], control: Row) -> None:
    """Mean and standard deviation over seeds, every seed, and the control as a line."""
    numbers = sorted(bases)
    seeds = [bases[number].per_seed("dice") for number in numbers]
    deviations = [values.std(ddof=1) if values.size > 1 else 0.0 for values in seeds]
    means = [values.mean() for values in seeds]
    axes.errorbar(numbers, means, deviations, marker="o", capsize=3, label="mean ± sd of seeds")
    for number, values in zip(numbers, seeds, strict=True):
        axes.plot([number] * values.size, values, ".", color="grey", markersize=4)
    axes.axhline(
        control.per_seed("dice").mean(),
        color="black",
        linewidth=0.8,
        linestyle="--",
        label=control.name,
    )
    axes.set(xlabel="number of bases M", ylabel="Dice", xticks=numbers)


def _file_name(row: Row) -> str:
    """The row's name without spaces, which Markdown does not allow in an address."""
    return row.name.replace(",", "").replace(" ", "-")
