"""``mobseg export``: a trained model as one zip, measured on its validation cases."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mobseg.cli.case_arguments import add_case_arguments
from mobseg.cli.progress_bar import TerminalProgress
from mobseg.cli.split import add_split_arguments, case_names
from mobseg.errors import InvalidInput
from mobseg.interruption import orderly_interruption
from mobseg.options import SegmentOptions

if TYPE_CHECKING:
    from mobseg.bundle.metadata import BundleMetadata


@dataclass(frozen=True)
class ExportCommand:
    """Measures a model on validation cases and packs it."""

    NAME: ClassVar[str] = "export"
    HELP: ClassVar[str] = "measure a trained model on validation cases and pack it as a bundle"

    model: Path
    destination: Path
    card: Path
    images: Path
    labels: Path
    split: Path | None
    fold: int
    share: float
    device: str
    model_card: Path | None

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("model", metavar="MODEL", type=Path, help="folder of the trained model")
        parser.add_argument(
            "-o", "--output", dest="destination", metavar="ZIP", type=Path, required=True
        )
        parser.add_argument(
            "--card",
            type=Path,
            required=True,
            metavar="JSON",
            help="intended use, training data and the rest of mobseg.json (see docs/bundle.md)",
        )
        add_case_arguments(parser)
        add_split_arguments(parser)
        parser.add_argument(
            "--share",
            type=float,
            default=0.8,
            help="share of the error volume that the recommended threshold catches (default: 0.8)",
        )
        parser.add_argument("--device", default="auto", help="default: auto")
        parser.add_argument(
            "--model-card", type=Path, metavar="MD", help="Markdown text to pack with the model"
        )

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> ExportCommand:
        """Make the command from the parsed arguments."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: getattr(namespace, name) for name in names})

    def run(self) -> int:
        """Measure, pack, and print what was found."""
        # Here, because PyTorch takes seconds to load and the rest of the command line works without it.
        from mobseg.bundle.archive import unpack_bundle  # noqa: PLC0415
        from mobseg.bundle.folder import open_model_folder  # noqa: PLC0415
        from mobseg.bundle.packing import pack_bundle  # noqa: PLC0415

        model = open_model_folder(self.model)
        card = self._read_card()
        with tempfile.TemporaryDirectory() as scratch:
            # What is measured is what is shipped: the packed weights are rounded.
            draft = Path(scratch) / "draft.zip"
            # Validation images are taken whole: those of a model for regions are such regions.
            pack_bundle(model, _metadata(card | {"requires_roi": False}, {}, None, None), draft)
            unpack_bundle(draft, Path(scratch) / "draft")
            summary = self._measure(Path(scratch) / "draft")
        metadata = self._measured_metadata(card, summary)
        curves = model.path / f"fold_{model.folds[0]}" / "progress.png"
        pack_bundle(
            model,
            metadata,
            self.destination,
            model_card=self.model_card,
            curves=curves if curves.exists() else None,
        )
        for name, figures in summary["per_case"]["dice"].items():
            spread = "" if figures["sd"] is None else f" +- {figures['sd']:.3f}"
            print(f"{name}: Dice {figures['mean']:.3f}{spread} (n = {figures['n']})")
        print(
            f"Recommended threshold of the {metadata.score_map}: {metadata.recommended_threshold:.3g}"
        )
        print(f"Bundle: {self.destination} ({self.destination.stat().st_size / 2**20:.1f} MiB)")
        return 0

    def _measure(self, folder: Path) -> dict[str, Any]:
        from mobseg.model import load_model  # noqa: PLC0415
        from mobseg.validation import cases_of_dataset, measure_model  # noqa: PLC0415

        names = case_names(self.split, self.fold)
        cases = cases_of_dataset(self.images, self.labels, names)
        model = load_model(folder, device=self.device)
        with (
            orderly_interruption() as is_interrupted,
            TerminalProgress(sys.stderr, is_cancelled=is_interrupted) as progress,
        ):
            return measure_model(model, cases, SegmentOptions(), progress)

    def _read_card(self) -> dict[str, Any]:
        try:
            card: dict[str, Any] = json.loads(self.card.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"The card {self.card} is not a readable JSON file.") from error
        return card

    def _measured_metadata(self, card: dict[str, Any], summary: dict[str, Any]) -> BundleMetadata:
        from mobseg.metrics.review import ReviewCurve  # noqa: PLC0415

        curve = summary["review_curves"][card["score_map"]]
        validation = {key: summary[key] for key in ("n_cases", "per_case", "pooled")}
        threshold = ReviewCurve.from_dict(curve).recommended_threshold(self.share)
        return _metadata(card, {"validation": validation}, curve, threshold)


def _metadata(
    card: dict[str, Any],
    metrics: dict[str, Any],
    curve: dict[str, Any] | None,
    threshold: float | None,
) -> BundleMetadata:
    """The card with what was measured; figures that the card brings along are kept beside it."""
    from mobseg.bundle.metadata import BundleMetadata  # noqa: PLC0415

    measured = {
        "metrics": {**card.get("metrics", {}), **metrics},
        "review_curve": curve,
        "recommended_threshold": threshold,
    }
    return BundleMetadata.parse(json.dumps({**card, **measured}).encode())
