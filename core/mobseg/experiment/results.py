"""The figures of an experiment: by model and case, and over the seeds of an arm."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.experiment.config import ExperimentConfig
from mobseg.experiment.fitted import fitted_variances
from mobseg.experiment.steps import BASE, Places, run_name

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One row of the tables: a model, or the seeds of one arm.

    Attributes:
        name: of the row.
        runs: the content of the measurement of each seed; one for a single model.
    """

    name: str
    runs: tuple[dict[str, Any], ...]

    def per_seed(self, figure: str) -> Floats:
        """(seeds,) means over the cases where the figure is defined."""
        return np.array([_mean(_column(run, figure)) for run in self.runs])

    def per_case(self, figure: str) -> Floats:
        """(cases,) means over the seeds, in the order of the cases; NaN where one is undefined."""
        mean: Floats = np.mean([_column(run, figure) for run in self.runs], axis=0)
        return mean

    def pooled(self, domain: str, error: str) -> Floats:
        """(seeds,) calibration errors of all voxels together; NaN where the domain was not measured."""
        found = [run["pooled"].get(domain, {}).get(error) for run in self.runs]
        return np.array([math.nan if value is None else value for value in found])

    def has(self, figure: str) -> bool:
        """Whether every run has the figure."""
        return all(figure in next(iter(run["cases"].values())) for run in self.runs)

    def defined(self, figure: str) -> npt.NDArray[np.bool_]:
        """(cases,) whether the figure is defined in every run."""
        known: npt.NDArray[np.bool_] = np.isfinite(self.per_case(figure))
        return known

    @property
    def cases(self) -> list[str]:
        """Names of the cases."""
        return list(self.runs[0]["cases"])

    @property
    def n_seeds(self) -> int:
        """Number of runs."""
        return len(self.runs)


def read_results(config: ExperimentConfig, places: Places, cases: str) -> list[Row]:
    """All rows that were measured on these cases: the base, the arms, then the peers."""
    rows = [_row(places, cases, BASE, [BASE])]
    for arm in config.arms:
        rows.append(
            _row(places, cases, arm.name, [run_name(arm, seed) for seed in config.seeds_of(arm)])
        )
    for name in config.ensembles:
        rows.append(_row(places, cases, f"{name}, ensemble of seeds", [f"{name}-ensemble"]))
    for names, kind, title in (
        (config.mirrored, "mirrored", "mirrored passes"),
        (config.mc_dropout, "dropout", "passes with dropout"),
    ):
        for name in names:
            arm = config.arm(name)
            run = run_name(arm, config.seeds_of(arm)[0])
            rows.append(_row(places, cases, f"{name}, {title}", [f"{run}-{kind}"]))
    for fitted in fitted_variances(config):
        for arm in map(config.arm, fitted.arms):
            models = [f"{run_name(arm, seed)}-{fitted.suffix}" for seed in config.seeds_of(arm)]
            rows.append(_row(places, cases, f"{arm.name}, {fitted.title}", models))
    return [row for row in rows if row.runs]


def write_per_case(rows: Sequence[Row], path: Path) -> None:
    """Every figure of every case and seed as CSV."""
    columns = list(dict.fromkeys(key for row in rows for run in row.runs for key in _keys(run)))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["model", "run", "case", *columns])
        for row in rows:
            for number, run in enumerate(row.runs):
                for case, figures in run["cases"].items():
                    values = [_text(figures.get(column)) for column in columns]
                    writer.writerow([row.name, number, case, *values])


def _row(places: Places, cases: str, name: str, models: Sequence[str]) -> Row:
    paths = [places.measurement(cases, model) for model in models]
    return Row(name, tuple(json.loads(path.read_text()) for path in paths if path.exists()))


def _keys(run: dict[str, Any]) -> list[str]:
    return list(next(iter(run["cases"].values())))


def _column(run: dict[str, Any], figure: str) -> Floats:
    values = [case.get(figure) for case in run["cases"].values()]
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _mean(values: Floats) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if defined.size else math.nan


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"
