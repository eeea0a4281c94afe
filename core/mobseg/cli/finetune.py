"""``mobseg finetune``: a stochastic model from a converged base model."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mobseg.cli.progress_bar import TerminalProgress
from mobseg.cli.training_arguments import TrainingArguments
from mobseg.errors import InvalidInput
from mobseg.interruption import orderly_interruption

PARAMETERISATIONS = (
    "deterministic",
    "diagonal",
    "low_rank",
    "single_basis",
    "mixture_of_bases",
    "mixture_of_blocks",
)
OBJECTIVES = ("expected_loss", "marginal_nll", "joint_nll")


@dataclass(frozen=True)
class FinetuneCommand:
    """Fine-tunes a base model; run again, it goes on where it stopped."""

    NAME: ClassVar[str] = "finetune"
    HELP: ClassVar[str] = "fine-tune a stochastic model from a base model"

    base: Path
    head: dict[str, Any]
    objective: str
    is_fidelity: bool
    samples: int
    dice_weight: float
    learning_rate: float
    keep: str
    name: str
    training: TrainingArguments

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "base", metavar="BASE", type=Path, help="folder of the trained base model"
        )
        parser.add_argument(
            "--parameterisation",
            choices=PARAMETERISATIONS,
            default="mixture_of_bases",
            help="of the covariance; deterministic is the control (default: mixture_of_bases)",
        )
        parser.add_argument(
            "--objective",
            choices=OBJECTIVES,
            help="expected_loss is eq. 12 of the paper (default: marginal_nll, or expected_loss with "
            "--fidelity)",
        )
        parser.add_argument(
            "--fidelity",
            action="store_true",
            help="make the choices of the paper's released code, where they differ: weights and kind of the "
            "KL term, Dice with background, losses of samples added, linear W head, start of the heads",
        )
        parser.add_argument("--rank", type=int, default=16, help="R (default: 16)")
        parser.add_argument("--bases", type=int, default=3, help="M (default: 3)")
        parser.add_argument(
            "--cells", type=int, default=4, help="P, cells along each axis (default: 4)"
        )
        parser.add_argument(
            "--weight-head",
            choices=("convolution", "linear"),
            default="convolution",
            help="second layer of the W head (default: convolution)",
        )
        parser.add_argument(
            "--selection",
            choices=("soft", "straight_through", "gumbel"),
            default="soft",
            help="how W becomes a basis (default: soft)",
        )
        parser.add_argument(
            "--dropout",
            type=float,
            default=0.0,
            metavar="P",
            help="share of the last features that is left out while training (default: 0)",
        )
        parser.add_argument(
            "--samples", type=int, default=5, help="k, for objectives that sample (default: 5)"
        )
        parser.add_argument(
            "--dice-weight",
            type=float,
            default=1.0,
            help="weight of the Dice term; 0 leaves the likelihood alone (default: 1)",
        )
        parser.add_argument("--learning-rate", type=float, default=1e-4, help="default: 0.0001")
        parser.add_argument(
            "--keep",
            choices=("best", "last"),
            default="best",
            help="epoch that becomes the model: best validation Dice, or last (default: best)",
        )
        parser.add_argument("--name", help="of this run (default: made from the settings)")
        TrainingArguments.configure(parser, epochs=20, batch_size=1)

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> FinetuneCommand:
        """Make the command from the parsed arguments."""
        fidelity, objective = namespace.fidelity, _objective(namespace)
        method = f"{namespace.parameterisation}-{objective}{'-fidelity' if fidelity else ''}"
        made = f"{method}-seed{namespace.seed}"
        return cls(
            base=namespace.base,
            head={
                key: getattr(namespace, key)
                for key in (
                    "parameterisation",
                    "rank",
                    "bases",
                    "cells",
                    "weight_head",
                    "selection",
                    "dropout",
                )
            },
            objective=objective,
            is_fidelity=fidelity,
            samples=namespace.samples,
            dice_weight=namespace.dice_weight,
            learning_rate=namespace.learning_rate,
            keep=namespace.keep,
            name=namespace.name or made,
            training=TrainingArguments.from_namespace(namespace),
        )

    def run(self) -> int:
        """Fine-tune, and print where the model is."""
        # Here, because nnU-Net takes seconds to load and the rest of the command line works without it.
        from mobseg.bundle.folder import open_model_folder  # noqa: PLC0415
        from mobseg.covariance import HeadSettings  # noqa: PLC0415
        from mobseg.device import choose_device  # noqa: PLC0415
        from mobseg.fidelity import released_head, released_loss  # noqa: PLC0415
        from mobseg.losses import LossSettings  # noqa: PLC0415
        from mobseg.nnunet.environment import quiet_nnunet  # noqa: PLC0415
        from mobseg.nnunet.settings import FinetuneSettings, Schedule  # noqa: PLC0415
        from mobseg.nnunet.training import Run, finetune  # noqa: PLC0415

        training = self.training
        base = open_model_folder(self.base)
        loss = LossSettings(
            objective=self.objective,  # type: ignore[arg-type]
            samples=self.samples,
            dice=self.dice_weight,
        )
        head = HeadSettings(**self.head)
        if self.is_fidelity:
            loss, head = released_loss(self.samples), released_head(head)
        settings = FinetuneSettings(
            str(base.checkpoint_paths[0].resolve()),
            loss,
            keep=self.keep,  # type: ignore[arg-type]
        )
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
            folder = finetune(base, head, settings, schedule, self.name, run)
        print(f"Fine-tuned model: {folder}")
        print(f"Curves: {folder / f'fold_{training.fold}' / 'progress.png'}")
        return 0


def _objective(namespace: argparse.Namespace) -> str:
    """The objective that was asked for, or the default; with --fidelity only eq. 12.

    Raises:
        InvalidInput: another objective, or a weight of the Dice term, is asked for with --fidelity.
    """
    if not namespace.fidelity:
        return str(namespace.objective or "marginal_nll")
    if namespace.objective not in (None, "expected_loss") or namespace.dice_weight != 1.0:
        raise InvalidInput(
            "--fidelity sets the objective to expected_loss with a Dice term of weight 1; leave out "
            "--objective and --dice-weight."
        )
    return "expected_loss"
