"""``mobseg experiment``: a whole comparison from one configuration file."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mobseg.cli.progress_bar import TerminalProgress
from mobseg.interruption import orderly_interruption


@dataclass(frozen=True)
class ExperimentCommand:
    """Trains, measures and compares; run again, it goes on where it stopped."""

    NAME: ClassVar[str] = "experiment"
    HELP: ClassVar[str] = (
        "train and compare models as a configuration file says, and write a report"
    )

    config: Path
    output: Path
    jobs: int
    list_steps: bool

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "config", metavar="CONFIG", type=Path, help="JSON file, see docs/experiments.md"
        )
        parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True)
        parser.add_argument(
            "--jobs", type=int, default=1, metavar="N", help="commands at once (default: 1)"
        )
        parser.add_argument(
            "--list", dest="list_steps", action="store_true", help="print the commands and stop"
        )

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> ExperimentCommand:
        """Make the command from the parsed arguments."""
        return cls(namespace.config, namespace.output, namespace.jobs, namespace.list_steps)

    def run(self) -> int:
        """Run what is not done yet, then write the report."""
        # Here, because PyTorch takes seconds to load and the rest of the command line works without it.
        from mobseg.experiment.config import read_config  # noqa: PLC0415
        from mobseg.experiment.manifest import Manifest  # noqa: PLC0415
        from mobseg.experiment.report import write_report  # noqa: PLC0415
        from mobseg.experiment.runner import run_steps  # noqa: PLC0415
        from mobseg.experiment.steps import BASE, Places, steps_of  # noqa: PLC0415
        from mobseg.nnunet.environment import (  # noqa: PLC0415
            PREPROCESSED,
            RAW,
            RESULTS,
            require_folders,
        )

        config = read_config(self.config)
        require_folders()
        folders = [Path(os.environ[name]).resolve() for name in (RAW, PREPROCESSED, RESULTS)]
        raw, preprocessed, results = (folder / config.dataset for folder in folders)
        output = self.output.resolve()
        places = Places(raw, preprocessed, results, output, self.config.resolve().parent)
        steps = steps_of(config, places)
        if self.list_steps:
            for step in steps:
                print(f"mobseg {' '.join(step.arguments)}")
            return 0
        for cases in config.cases:
            places.measurement(cases, BASE).parent.mkdir(parents=True, exist_ok=True)
        places.slices(BASE).parent.mkdir(exist_ok=True)
        manifest = Manifest(config, places)
        with (
            orderly_interruption() as is_interrupted,
            TerminalProgress(sys.stderr, is_cancelled=is_interrupted) as progress,
        ):
            run_steps(steps, output / "logs", progress, jobs=self.jobs, finished=manifest.add)
        for path in write_report(config, places):
            print(f"Report: {path}")
        return 0
