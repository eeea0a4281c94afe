"""Compare two rows of an experiment case by case (Wilcoxon's signed-rank test, not corrected).

    python paired.py per_case_test.csv "NAME OF A ROW" "NAME OF ANOTHER" nll_band samples.ged ...

Figures are means over the runs of a row; names of rows and figures are those of the CSV.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from mobseg.experiment.statistics import compare


def read_rows(path: Path) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Model -> case -> the figures of each run."""
    rows: dict[str, dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(newline="", encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            rows[line["model"]][line["case"]].append(line)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", type=Path)
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("figures", nargs="+")
    arguments = parser.parse_args()

    rows = read_rows(arguments.csv)
    unknown = {arguments.first, arguments.second} - set(rows)
    if unknown:
        raise SystemExit(f"There is no row {sorted(unknown)[0]!r}; there are {', '.join(rows)}.")
    print("figure: mean (median) of the first and of the second, difference, p, cases")
    for figure in arguments.figures:
        first, second = (
            np.array(
                [
                    np.mean([float(run[figure] or "nan") for run in rows[name][case]])
                    for case in rows[arguments.first]
                ]
            )
            for name in (arguments.first, arguments.second)
        )
        both = np.isfinite(first) & np.isfinite(second)
        one = compare(first, second)
        means = (f"{v[both].mean():.4f} ({np.median(v[both]):.4f})" for v in (first, second))
        print(f"{figure}: {', '.join(means)}, {one.difference:+.4f}, {one.p:.2g}, {both.sum()}")


if __name__ == "__main__":
    main()
