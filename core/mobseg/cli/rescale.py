"""``mobseg rescale``: fit the size of a model's variance to validation cases."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar, TypeVar

from mobseg.cli.case_arguments import (
    add_band_argument,
    add_case_arguments,
    add_raters_argument,
)
from mobseg.cli.progress_bar import TerminalProgress
from mobseg.cli.split import add_split_arguments, case_names
from mobseg.errors import InvalidInput
from mobseg.interruption import orderly_interruption

if TYPE_CHECKING:
    from mobseg.bundle.folder import ModelFolder
    from mobseg.experiment.cases import MeasuredCase
    from mobseg.experiment.variance_scale import ScaleFit
    from mobseg.model import LoadedModel
    from mobseg.progress import Progress


_Fit = TypeVar("_Fit")

#: What the size of the variance may depend on: nothing, or the place.
FORMS = ("factor", "place")


@dataclass(frozen=True)
class RescaleCommand:
    """Enlarges the standard deviation of a model's logits; its label maps stay the same."""

    NAME: ClassVar[str] = "rescale"
    HELP: ClassVar[str] = "fit the size of a model's variance to validation cases"

    model: Path
    output: Path
    form: str
    factor: float | None
    images: Path | None
    labels: Path | None
    raters: Path | None
    split: Path | None
    fold: int
    band_mm: float
    is_constant: bool
    device: str

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("model", metavar="MODEL", type=Path, help="folder of the trained model")
        parser.add_argument(
            "-o", "--output", metavar="FOLDER", type=Path, required=True, help="new model folder"
        )
        parser.add_argument(
            "--form",
            choices=FORMS,
            default=FORMS[0],
            help="one factor for all voxels, fitted to the band around the boundaries, or a factor that "
            "depends on the place, fitted to all voxels (default: %(default)s)",
        )
        parser.add_argument(
            "--factor", type=float, help="on the standard deviation (default: fitted to the cases)"
        )
        parser.add_argument(
            "--constant",
            action="store_true",
            help="give all voxels one variance before fitting its size: the control of what was learned",
        )
        add_case_arguments(parser, required=False)
        add_raters_argument(parser)
        add_split_arguments(parser)
        add_band_argument(parser)
        parser.add_argument("--device", default="auto", help="default: auto")

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> RescaleCommand:
        """Make the command from the parsed arguments."""
        names = ("model", "output", "form", "factor", "images", "labels", "raters", "split", "fold")
        values = {name: getattr(namespace, name) for name in names}
        return cls(
            **values,
            band_mm=namespace.band_mm,
            is_constant=namespace.constant,
            device=namespace.device,
        )

    def run(self) -> int:
        """Fit unless a factor is given, and write the new folder."""
        # Here, because PyTorch takes seconds to load and the rest of the command line works without it.
        from mobseg.bundle.folder import open_model_folder  # noqa: PLC0415
        from mobseg.experiment.constant_variance import write_constant_model  # noqa: PLC0415

        folder = open_model_folder(self.model)
        if not self.is_constant:
            return self._rescale(folder)
        with TemporaryDirectory() as temporary:
            constant = Path(temporary) / "constant"
            write_constant_model(folder, constant)
            return self._rescale(open_model_folder(constant))

    def _rescale(self, folder: ModelFolder) -> int:
        if self.form == "place":
            self._write_function(folder)
        else:
            self._write_factor(folder)
        print(f"Scaled model: {self.output}")
        return 0

    def _write_factor(self, folder: ModelFolder) -> None:
        from mobseg.experiment.variance_scale import fit_scale, write_scaled_model  # noqa: PLC0415

        fit: ScaleFit | None = None
        factor = self.factor
        if factor is None:
            fit = self._fit(folder, fit_scale)
            factor = fit.factor
            print(
                f"NLL in the band, {fit.n_cases} cases: {fit.nll_unscaled:.4f} as trained, "
                f"{fit.nll.min():.4f} scaled"
            )
        write_scaled_model(folder, factor, fit, self.output)
        print(f"Factor on the standard deviation of the logits: {factor:.3g}")

    def _write_function(self, folder: ModelFolder) -> None:
        from mobseg.experiment.variance_fit import (  # noqa: PLC0415
            fit_function,
            write_model_with_function,
        )

        if self.factor is not None:
            raise InvalidInput("A factor that depends on the place is fitted; leave out --factor.")
        fit = self._fit(folder, fit_function)
        write_model_with_function(folder, fit, self.output)
        print(f"{fit.n_cases} cases                    as trained    scaled")
        rows = (
            ("NLL, all voxels", fit.nll_unscaled, fit.nll),
            ("NLL, band", fit.nll_band_unscaled, fit.nll_band),
            (
                "expected / measured errors",
                fit.expected_over_measured_unscaled,
                fit.expected_over_measured,
            ),
        )
        for name, before, after in rows:
            print(f"{name:26s} {before:12.4f} {after:9.4f}")

    def _fit(
        self,
        folder: ModelFolder,
        fit: Callable[[LoadedModel, Sequence[MeasuredCase], float, Progress], _Fit],
    ) -> _Fit:
        from mobseg.experiment.cases import measured_cases  # noqa: PLC0415
        from mobseg.model import load_model  # noqa: PLC0415

        if self.images is None or self.labels is None:
            raise InvalidInput("Give --factor, or --images and --labels of validation cases.")
        names = case_names(self.split, self.fold)
        cases = measured_cases(self.images, self.labels, self.raters, names)
        model = load_model(folder.path, device=self.device)
        with (
            orderly_interruption() as is_interrupted,
            TerminalProgress(sys.stderr, is_cancelled=is_interrupted) as progress,
        ):
            return fit(model, cases, self.band_mm, progress)
