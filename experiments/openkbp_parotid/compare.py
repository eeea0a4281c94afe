"""Measure several models on the same cases; write a table, the per-case figures and the summaries.

    python compare.py base=MODEL_FOLDER mob=MODEL_FOLDER --images DIR --labels DIR -o OUT

Differences to the first model are paired by case and tested with Wilcoxon's signed-rank test.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import wilcoxon

from mobseg.cli.progress_bar import TerminalProgress
from mobseg.metrics.case import CaseMetrics
from mobseg.metrics.summary import finite_or_none, summarise
from mobseg.options import SegmentOptions
from mobseg.pipeline import load_model
from mobseg.validation import cases_of_dataset, measure_cases

Figures = dict[str, dict[str, dict[str, float]]]  # model -> case -> figure


def figures_of(metrics: CaseMetrics) -> dict[str, float]:
    """The figures of one case that go into the table."""
    everything = metrics.to_dict()
    row = {
        "dice": float(np.mean(list(everything["dice"].values()))),
        "predicted_dice": float(np.mean(list(everything["predicted_dice"].values()))),
        "nll": everything["everywhere"]["nll"],
        "nll_band": everything["band"]["nll"],
    }
    for score, values in everything["scores"].items():
        row |= {f"{score}.{name}": value for name, value in values.items()}
    return row


def table(figures: Figures, summaries: dict[str, Any]) -> str:
    """Markdown: mean and standard deviation over cases, and calibration over all voxels."""
    lines = [
        "| model | n | Dice | Dice - first (p) | NLL in band | ECE in band | map | AUPR | AUPR in band "
        "| review benefit | found in 10 % of band |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    first = next(iter(figures))
    for model, cases in figures.items():
        dice = np.array([row["dice"] for row in cases.values()])
        reference = np.array([figures[first][case]["dice"] for case in cases])
        change = dice - reference
        p = wilcoxon(change).pvalue if change.any() else float("nan")
        nll = np.array([row["nll_band"] for row in cases.values()])
        ece = summaries[model]["pooled"]["band"]["top_label"]["ece"]
        scores = list(
            dict.fromkeys(key.split(".")[0] for key in next(iter(cases.values())) if "." in key)
        )
        for score in scores:
            values = {
                name: np.nanmean([row[f"{score}.{name}"] for row in cases.values()])
                for name in ("aupr", "aupr_band", "review_benefit", "share_found")
            }
            lines.append(
                f"| {model} | {len(dice)} | {dice.mean():.3f} +- {dice.std(ddof=1):.3f} "
                f"| {change.mean():+.4f} ({p:.2g}) | {nll.mean():.3f} +- {nll.std(ddof=1):.3f} "
                f"| {ece:.4f} | {score} | {values['aupr']:.3f} | {values['aupr_band']:.3f} "
                f"| {values['review_benefit']:.3f} | {values['share_found']:.3f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument(
        "--split", type=Path, help="nnU-Net's splits_final.json: validation cases only"
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()

    names = json.loads(arguments.split.read_text())[0]["val"] if arguments.split else None
    cases = cases_of_dataset(arguments.images, arguments.labels, names)
    arguments.output.mkdir(parents=True, exist_ok=True)
    figures: Figures = {}
    summaries: dict[str, Any] = {}
    for entry in arguments.models:
        name, _, folder = entry.partition("=")
        with TerminalProgress(sys.stderr) as progress:
            measured = dict(measure_cases(load_model(folder), cases, SegmentOptions(), progress))
        figures[name] = {case: figures_of(metrics) for case, metrics in measured.items()}
        summaries[name] = summarise(list(measured.values()))

    with (arguments.output / "per_case.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        columns = list(next(iter(figures[next(iter(figures))].values())))
        writer.writerow(["model", "case", *columns])
        for name, rows in figures.items():
            for case, row in rows.items():
                writer.writerow([name, case, *(f"{row[column]:.6g}" for column in columns)])
    (arguments.output / "summary.json").write_text(json.dumps(finite_or_none(summaries), indent=1))
    text = table(figures, summaries)
    (arguments.output / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
