"""``mobseg slices``: pictures of a failure and a correction of a measured model."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mobseg.cli.case_arguments import add_case_arguments, add_raters_argument
from mobseg.cli.json_file import check_destination
from mobseg.errors import InvalidInput

if TYPE_CHECKING:
    from mobseg.experiment.slices import PicturedCase


@dataclass(frozen=True)
class SlicesCommand:
    """Draws the case of the lowest Dice and the one of the largest gain over the base model."""

    NAME: ClassVar[str] = "slices"
    HELP: ClassVar[str] = "draw a failure and a correction of a measured model"

    model: Path
    base: Path
    measured: tuple[Path, Path]
    images: Path
    labels: Path
    raters: Path | None
    window_hu: tuple[float, float]
    device: str
    output: Path

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("model", metavar="MODEL", type=Path, help="model folder")
        parser.add_argument("base", metavar="BASE", type=Path, help="folder of its base model")
        parser.add_argument(
            "--measured",
            type=Path,
            nargs=2,
            required=True,
            metavar=("MODEL.json", "BASE.json"),
            help="what mobseg measure wrote of both on the same cases",
        )
        add_case_arguments(parser)
        add_raters_argument(parser)
        parser.add_argument(
            "--window",
            type=float,
            nargs=2,
            default=(-160.0, 240.0),
            metavar=("LOW", "HIGH"),
            help="grey values in HU (default: soft tissue, -160 240)",
        )
        parser.add_argument("--device", default="auto", help="default: auto")
        parser.add_argument("-o", "--output", metavar="PNG", type=Path, required=True)

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> SlicesCommand:
        """Make the command from the parsed arguments."""
        names = ("model", "base", "images", "labels", "raters", "device", "output")
        return cls(
            **{name: getattr(namespace, name) for name in names},
            measured=tuple(namespace.measured),
            window_hu=tuple(namespace.window),
        )

    def run(self) -> int:
        """Choose the cases, segment them with both models and draw them."""
        # Here, because PyTorch takes seconds to load and the rest of the command line works without it.
        from mobseg.experiment.slices import choose_cases, draw_slices  # noqa: PLC0415

        check_destination(self.output)
        chosen = choose_cases(*(_measurement(path) for path in self.measured))
        pictured = [self._picture(title, name) for title, name in chosen.items()]
        partial = self.output.with_suffix(".partial")
        draw_slices(pictured, self.window_hu).savefig(
            partial, format="png", metadata={"Software": None}
        )
        partial.replace(self.output)
        for title, name in chosen.items():
            print(f"{title}: {name}")
        print(f"Picture: {self.output}")
        return 0

    def _picture(self, title: str, name: str) -> PicturedCase:
        from mobseg.experiment.cases import measured_cases  # noqa: PLC0415
        from mobseg.experiment.slices import PicturedCase  # noqa: PLC0415
        from mobseg.image_io import read_label_volume, read_scalar_volume  # noqa: PLC0415
        from mobseg.model import load_model  # noqa: PLC0415
        from mobseg.options import SegmentOptions  # noqa: PLC0415
        from mobseg.pipeline import segment_volume  # noqa: PLC0415
        from mobseg.progress import SilentProgress  # noqa: PLC0415

        (case,) = measured_cases(self.images, self.labels, self.raters, [name])
        volume = read_scalar_volume(case.case.image).volume
        maps, base = (
            segment_volume(
                volume,
                load_model(path, device=self.device),
                SegmentOptions(device=self.device, precision="auto"),
                SilentProgress(),
            ).maps.dense()
            for path in (self.model, self.base)
        )
        references = [read_label_volume(path).array > 0 for path in case.raters]
        references = references or [read_label_volume(case.case.reference).array > 0]
        return PicturedCase(title, volume, references, maps, base.labels > 0)


def _measurement(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content["cases"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InvalidInput(
            f"{path} holds no figures of cases; give a file that mobseg measure wrote."
        ) from error
    return content
