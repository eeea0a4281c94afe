"""``mobseg train``: a base model, with nnU-Net's own planning, preprocessing and trainer."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import ClassVar

from mobseg.cli.progress_bar import TerminalProgress
from mobseg.cli.training_arguments import TrainingArguments
from mobseg.interruption import orderly_interruption


@dataclass(frozen=True)
class TrainCommand:
    """Trains a base model; run again, it goes on where it stopped."""

    NAME: ClassVar[str] = "train"
    HELP: ClassVar[str] = "train a base model with nnU-Net"

    dataset: str
    preset: str
    learning_rate: float
    training: TrainingArguments

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "dataset", metavar="DATASET", help="number or name of an nnU-Net data set in nnUNet_raw"
        )
        parser.add_argument(
            "--preset",
            choices=("XS", "M", "L", "XL"),
            default="L",
            help="residual encoder preset; XS is for training without a GPU (default: L)",
        )
        parser.add_argument(
            "--learning-rate", type=float, default=1e-2, help="of the first epoch (default: 0.01)"
        )
        TrainingArguments.configure(parser, epochs=1000)

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> TrainCommand:
        """Make the command from the parsed arguments."""
        return cls(
            dataset=namespace.dataset,
            preset=namespace.preset,
            learning_rate=namespace.learning_rate,
            training=TrainingArguments.from_namespace(namespace),
        )

    def run(self) -> int:
        """Train, and print where the model is."""
        # Here, because nnU-Net takes seconds to load and the rest of the command line works without it.
        from mobseg.device import choose_device  # noqa: PLC0415
        from mobseg.nnunet.environment import quiet_nnunet  # noqa: PLC0415
        from mobseg.nnunet.settings import Schedule  # noqa: PLC0415
        from mobseg.nnunet.training import Run, train_base  # noqa: PLC0415

        training = self.training
        schedule = Schedule(
            epochs=training.epochs,
            iterations=training.iterations,
            validation_iterations=training.validation_iterations,
            initial_lr=self.learning_rate,
            seed=training.seed,
            batch_size=training.batch_size,
        )
        with (
            orderly_interruption() as is_interrupted,
            TerminalProgress(sys.stderr, is_cancelled=is_interrupted) as progress,
            quiet_nnunet(verbose=training.verbose),
        ):
            run = Run(training.fold, choose_device(training.device), training.workers, progress)
            folder = train_base(self.dataset, self.preset, schedule, run)
        print(f"Base model: {folder}")
        print(f"Curves: {folder / f'fold_{training.fold}' / 'progress.png'}")
        return 0
