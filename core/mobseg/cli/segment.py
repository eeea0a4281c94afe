"""``mobseg segment``: one image in, one prediction folder out."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mobseg import strict_json
from mobseg.cli.progress_bar import TerminalProgress, format_seconds
from mobseg.errors import InvalidInput
from mobseg.interruption import orderly_interruption
from mobseg.options import ENGINES, PRECISIONS, Box, SegmentOptions
from mobseg.prediction_folder import check_destination
from mobseg.summary import SegmentationSummary, summarise


@dataclass(frozen=True)
class SegmentCommand:
    """Segments one image."""

    NAME: ClassVar[str] = "segment"
    HELP: ClassVar[str] = "segment a CT and list the regions to check"

    source: Path
    destination: Path
    model: str | None
    options: SegmentOptions
    overwrite: bool
    report: bool
    as_json: bool

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "source",
            metavar="INPUT",
            type=Path,
            help="NIfTI, NRRD or MHA file, or a folder with one DICOM series",
        )
        parser.add_argument(
            "-o",
            "--output",
            dest="destination",
            metavar="OUT",
            type=Path,
            required=True,
            help="prediction folder to make",
        )
        parser.add_argument(
            "--model",
            metavar="ID|PATH",
            help="model to use (default: the one that ships with mobseg)",
        )
        parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
        parser.add_argument(
            "--no-report", dest="report", action="store_false", help="leave the HTML report out"
        )
        parser.add_argument(
            "--json", dest="as_json", action="store_true", help="print the summary as JSON"
        )
        _add_options(parser)

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> SegmentCommand:
        """Make the command from the parsed arguments."""
        return cls(
            source=namespace.source,
            destination=namespace.destination,
            model=namespace.model,
            options=SegmentOptions(
                device=namespace.device,
                threshold=namespace.threshold,
                roi_ras_mm=namespace.roi,
                mirror=namespace.mirror,
                step=namespace.step,
                samples=namespace.samples,
                seed=namespace.seed,
                precision=namespace.precision,
                crop_to_body=namespace.crop_to_body,
                engine=namespace.engine,
            ),
            overwrite=namespace.overwrite,
            report=namespace.report,
            as_json=namespace.as_json,
        )

    def run(self) -> int:
        """Segment, and print a short summary."""
        self._check_paths()
        start = time.monotonic()
        with (
            orderly_interruption() as is_interrupted,
            TerminalProgress(sys.stderr, is_cancelled=is_interrupted) as progress,
        ):
            summary = self._segment(progress)
        if self.as_json:
            print(strict_json.dumps(summary).decode())
        else:
            self._print_summary(summary, time.monotonic() - start)
        return 0

    def _check_paths(self) -> None:
        # Before PyTorch is loaded, so that a typing error costs no time.
        if not self.source.exists():
            raise InvalidInput("The input does not exist; check its path.")
        check_destination(self.destination, overwrite=self.overwrite)

    def _segment(self, progress: TerminalProgress) -> SegmentationSummary:
        progress.report("Starting", 0.0)
        # Here, because PyTorch takes seconds to load and the rest of the command works without it.
        from mobseg.pipeline import load_model, segment_file  # noqa: PLC0415

        progress.report("Loading the model", 0.0)
        model = load_model(self.model, device=self.options.device)
        segmentation = segment_file(
            self.source,
            self.destination,
            model,
            self.options,
            progress,
            overwrite=self.overwrite,
            report=self.report,
        )
        return summarise(
            segmentation.maps, segmentation.regions, segmentation.threshold, segmentation.record
        )

    def _print_summary(self, summary: SegmentationSummary, seconds: float) -> None:
        from mobseg.report import REPORT_FILE  # noqa: PLC0415  brings Matplotlib along

        for note in summary.notes:
            print(f"note: {note}", file=sys.stderr)
        width = max(len(structure.name) for structure in summary.structures)
        for structure in summary.structures:
            print(f"{structure.name:<{width}}  {structure.volume_mm3 / 1000:8.1f} mL")
        print(_describe_regions(summary))
        if self.report:
            print(f"Report: {self.destination / REPORT_FILE}")
        print(f"Done in {format_seconds(seconds)}.")


def _add_options(parser: argparse.ArgumentParser) -> None:
    default = SegmentOptions()
    parser.add_argument(
        "--device",
        default=default.device,
        metavar="DEVICE",
        help="auto, cpu, cuda, cuda:N or mps (default: %(default)s)",
    )
    parser.add_argument(
        "--threshold",
        type=_threshold,
        metavar="T|auto",
        help="review threshold (default: auto, from the review curve of the model)",
    )
    parser.add_argument(
        "--roi",
        type=_box,
        metavar="XMIN,XMAX,YMIN,YMAX,ZMIN,ZMAX",
        help="segment only this box, in RAS mm",
    )
    parser.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        default=default.mirror,
        help="average over mirrored passes: slower, slightly better (default: no)",
    )
    parser.add_argument(
        "--step",
        type=float,
        default=default.step,
        help="window step as a share of the window, in (0, 1] (default: %(default)s)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=default.precision,
        help="of the network: bfloat16 is faster on processors that compute in it, auto takes it there for "
        "models that were measured in it (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default=default.engine,
        help="what computes the network on a CPU: auto takes OpenVINO where it is installed and there is "
        "enough to compute (default: %(default)s)",
    )
    parser.add_argument(
        "--crop-to-body",
        action="store_true",
        help="segment only the box around the body, also where the model does not ask for it",
    )
    parser.add_argument(
        "--samples",
        type=int,
        default=default.samples,
        metavar="K",
        help="also draw K spatially correlated label maps (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=default.seed, help="seed of the samples (default: %(default)s)"
    )


def _threshold(text: str) -> float | None:
    try:
        return None if text == "auto" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError('a number or "auto" is needed') from None


def _box(text: str) -> Box:
    try:
        x_min, x_max, y_min, y_max, z_min, z_max = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError("six numbers separated by commas are needed") from None
    return (x_min, x_max, y_min, y_max, z_min, z_max)


def _describe_regions(summary: SegmentationSummary) -> str:
    if not summary.regions:
        return "No regions to check."
    noun = "region" if summary.regions == 1 else "regions"
    return (
        f"{summary.regions} {noun} to check, {summary.regions_volume_mm3 / 1000:.1f} mL in total "
        f"({summary.score.replace('_', ' ')} of {summary.threshold:.3g} or more)."
    )
