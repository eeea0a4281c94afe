"""``mobseg evaluate``: prediction folders against references."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mobseg.cli.evaluation_tables import case_line, summary_tables
from mobseg.cli.json_file import check_destination, write_json
from mobseg.cli.references import find_references, label_values, relabelled
from mobseg.image_io import read_label_volume
from mobseg.labels import LabelTable
from mobseg.metrics import CaseMetrics, evaluate_case, finite_or_none, summarise
from mobseg.prediction_folder import read_prediction_folder
from mobseg.volume import LabelVolume


@dataclass(frozen=True)
class EvaluateCommand:
    """Arguments of ``mobseg evaluate``.

    Attributes:
        predictions: prediction folders.
        references: one label map per prediction, or one folder with label maps of the same names.
        label_map: values in the references by label name; empty where they are the model's own.
        output: JSON file to write.
    """

    NAME: ClassVar[str] = "evaluate"
    HELP: ClassVar[str] = "compare predictions and their uncertainty maps with references"

    predictions: tuple[Path, ...]
    references: tuple[Path, ...]
    label_map: Mapping[str, tuple[int, ...]]
    output: Path | None

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        # argparse would print the folders last, where --reference swallows them.
        parser.usage = "%(prog)s PREDICTION_FOLDER... --reference FILE_OR_FOLDER... [OPTION...]"
        parser.add_argument(
            "predictions",
            metavar="PREDICTION_FOLDER",
            nargs="+",
            type=Path,
            help="folder made by mobseg segment; several are summarised",
        )
        parser.add_argument(
            "--reference",
            dest="references",
            metavar="FILE_OR_FOLDER",
            nargs="+",
            required=True,
            type=Path,
            help="a label map per prediction in the same order, or a folder of label maps that are "
            "named like the prediction folders",
        )
        parser.add_argument(
            "--map",
            dest="label_map",
            metavar="NAME=VALUES",
            action="append",
            default=[],
            type=label_values,
            help="values that a label has in the references, such as parotid_gland=3,4; once for "
            "every label, all other values are then background",
        )
        parser.add_argument(
            "-o",
            "--output",
            metavar="JSON",
            type=Path,
            help="also write all metrics, with the review curves, to this file",
        )

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> EvaluateCommand:
        """Make the command from the parsed arguments."""
        return cls(
            predictions=tuple(namespace.predictions),
            references=tuple(namespace.references),
            label_map=dict(namespace.label_map),
            output=namespace.output,
        )

    def run(self) -> int:
        """Evaluate case by case, print tables and write the JSON file."""
        references = find_references(self.predictions, self.references)
        if self.output is not None:
            check_destination(self.output)
        width = max(len(_name(prediction)) for prediction in self.predictions)
        cases: list[CaseMetrics] = []
        is_stochastic = True
        for prediction, reference in zip(self.predictions, references, strict=True):
            maps = read_prediction_folder(prediction).maps
            cases.append(evaluate_case(maps, self._truth(reference, maps.label_table)))
            is_stochastic &= maps.is_stochastic
            print(case_line(f"{_name(prediction):<{width}}", cases[-1]), flush=True)
        summary = summarise(cases)
        print(f"\n{summary_tables(summary, is_stochastic=is_stochastic)}")
        if self.output is not None:
            figures = [
                {"name": _name(prediction), **finite_or_none(case.to_dict())}
                for prediction, case in zip(self.predictions, cases, strict=True)
            ]
            content = {"is_stochastic": is_stochastic, "cases": figures, "summary": summary}
            write_json(content, self.output)
        return 0

    def _truth(self, reference: Path, table: LabelTable) -> LabelVolume:
        volume = read_label_volume(reference)
        return relabelled(volume, self.label_map, table) if self.label_map else volume


def _name(prediction: Path) -> str:
    return prediction.resolve().name
