"""Arguments that ``mobseg train`` and ``mobseg finetune`` share."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingArguments:
    """Length of a training, and where it runs; see the help of the arguments."""

    fold: int
    epochs: int
    iterations: int
    validation_iterations: int
    seed: int
    batch_size: int | None
    device: str
    workers: int
    verbose: bool

    @staticmethod
    def configure(
        parser: argparse.ArgumentParser, *, epochs: int, batch_size: int | None = None
    ) -> None:
        """Add the arguments."""
        parser.add_argument(
            "--fold", type=int, default=0, help="fold of nnU-Net's split (default: 0)"
        )
        parser.add_argument(
            "--epochs", type=int, default=epochs, help="number of epochs (default: %(default)s)"
        )
        parser.add_argument(
            "--iterations", type=int, default=250, help="steps of an epoch (default: %(default)s)"
        )
        parser.add_argument(
            "--validation-iterations",
            type=int,
            default=50,
            metavar="N",
            help="validation batches of an epoch (default: %(default)s)",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=batch_size,
            metavar="N",
            help=f"patches of a step (default: {batch_size or 'as nnU-Net plans'})",
        )
        parser.add_argument("--seed", type=int, default=0, help="seed (default: 0)")
        parser.add_argument(
            "--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)"
        )
        parser.add_argument(
            "--workers",
            type=int,
            default=min(12, os.cpu_count() or 1),
            metavar="N",
            help="processes that augment and preprocess (default: %(default)s)",
        )

    @classmethod
    def from_namespace(cls, namespace: argparse.Namespace) -> TrainingArguments:
        """Take the parsed arguments."""
        return cls(
            fold=namespace.fold,
            epochs=namespace.epochs,
            iterations=namespace.iterations,
            validation_iterations=namespace.validation_iterations,
            seed=namespace.seed,
            batch_size=namespace.batch_size,
            device=namespace.device,
            workers=namespace.workers,
            verbose=namespace.verbose > 0,
        )
