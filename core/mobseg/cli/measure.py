"""``mobseg measure``: every figure of one model, or an ensemble, on the cases of a data set."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mobseg.cli.case_arguments import (
    add_band_argument,
    add_case_arguments,
    add_raters_argument,
)
from mobseg.cli.json_file import check_destination, write_json
from mobseg.cli.progress_bar import TerminalProgress
from mobseg.cli.split import add_split_arguments, case_names
from mobseg.errors import InvalidInput
from mobseg.interruption import orderly_interruption
from mobseg.regions import DEFAULT_MAX_EXTENT_MM


@dataclass(frozen=True)
class MeasureCommand:
    """Segments cases that have references and writes how well that went, case by case."""

    NAME: ClassVar[str] = "measure"
    HELP: ClassVar[str] = "measure a trained model, or several as an ensemble, on a data set"

    models: tuple[Path, ...]
    images: Path
    labels: Path
    raters: Path | None
    readers: int | None
    split: Path | None
    fold: int
    mirror: bool
    dropout_passes: int
    exact: bool
    samples: int
    band_mm: float
    region_extent_mm: float
    temperature_from: Path | None
    device: str
    output: Path

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "models",
            metavar="MODEL",
            nargs="+",
            type=Path,
            help="model folder; several are run as one ensemble",
        )
        add_case_arguments(parser)
        add_raters_argument(parser)
        parser.add_argument(
            "--readers",
            type=int,
            metavar="N",
            help="how many looked at each case; those without a contour count as empty ones too",
        )
        add_split_arguments(parser)
        parser.add_argument("--mirror", action="store_true", help="average over mirrored passes")
        parser.add_argument(
            "--dropout-passes",
            type=int,
            default=0,
            metavar="N",
            help="passes with dropout (Monte Carlo dropout) instead of one without (default: 0)",
        )
        parser.add_argument(
            "--exact",
            action="store_true",
            help="run the backbone in float32, also where bfloat16 is several times faster",
        )
        parser.add_argument(
            "--samples",
            type=int,
            default=0,
            metavar="N",
            help="label maps to draw from each case and to compare with its raters (default: 0)",
        )
        add_band_argument(parser)
        parser.add_argument(
            "--region-extent-mm",
            type=float,
            default=DEFAULT_MAX_EXTENT_MM,
            metavar="MM",
            help="longest extent of a region that the simulated reviewer looks at (default: %(default)g)",
        )
        parser.add_argument(
            "--temperature-from",
            type=Path,
            metavar="JSON",
            help="measurement on validation cases whose best temperature is applied",
        )
        parser.add_argument("--device", default="auto", help="default: auto")
        parser.add_argument("-o", "--output", metavar="JSON", type=Path, required=True)

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> MeasureCommand:
        """Make the command from the parsed arguments."""
        names = (
            "images",
            "labels",
            "raters",
            "readers",
            "split",
            "fold",
            "mirror",
            "dropout_passes",
            "exact",
            "samples",
            "band_mm",
            "region_extent_mm",
        )
        return cls(
            models=tuple(namespace.models),
            **{name: getattr(namespace, name) for name in names},
            temperature_from=namespace.temperature_from,
            device=namespace.device,
            output=namespace.output,
        )

    def run(self) -> int:
        """Measure, write the figures and print the most important ones."""
        # Here, because PyTorch takes seconds to load and the rest of the command line works without it.
        import torch  # noqa: PLC0415

        from mobseg.experiment.cases import measured_cases  # noqa: PLC0415
        from mobseg.experiment.ensemble import as_ensemble, with_dropout  # noqa: PLC0415
        from mobseg.experiment.measurement import MeasurementOptions, measure  # noqa: PLC0415
        from mobseg.model import load_model  # noqa: PLC0415

        check_destination(self.output)
        names = case_names(self.split, self.fold)
        cases = measured_cases(self.images, self.labels, self.raters, names)
        options = MeasurementOptions(
            device=self.device,
            mirror=self.mirror,
            precision="float32" if self.exact else "auto",
            samples=self.samples,
            readers=self.readers,
            band_mm=self.band_mm,
            region_extent_mm=self.region_extent_mm,
            temperature=None if self.temperature_from is None else _best(self.temperature_from),
        )
        model = as_ensemble([load_model(path, device=self.device) for path in self.models])
        if self.dropout_passes:
            torch.manual_seed(0)
            model = with_dropout(model, self.dropout_passes)
        with (
            orderly_interruption() as is_interrupted,
            TerminalProgress(sys.stderr, is_cancelled=is_interrupted) as progress,
        ):
            figures = measure(model, cases, options, progress)
        write_json(figures, self.output)
        dice = figures["summary"]["per_case"]["dice"]
        for name, value in dice.items():
            spread = "" if value["sd"] is None else f" +- {value['sd']:.3f}"
            print(f"{name}: Dice {value['mean']:.3f}{spread} (n = {value['n']})")
        print(f"Figures: {self.output}")
        return 0


def _best(measurement: Path) -> float:
    try:
        content: dict[str, Any] = json.loads(measurement.read_text(encoding="utf-8"))
        return float(content["temperature"]["best"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InvalidInput(
            f"{measurement} holds no temperature; give a file that mobseg measure wrote."
        ) from error
