"""``mobseg``: finds the subcommand, runs it and turns failures into one sentence and an exit code."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import re
import sys
from collections.abc import Sequence
from typing import ClassVar, Protocol

from mobseg import __version__
from mobseg.failure import describe_failure

#: Name, module and class of every subcommand. Only the module of the one that runs is imported.
COMMANDS = (
    ("segment", "mobseg.cli.segment", "SegmentCommand"),
    ("models", "mobseg.cli.models", "ModelsCommand"),
    ("evaluate", "mobseg.cli.evaluate", "EvaluateCommand"),
    ("dataset", "mobseg.cli.dataset", "DatasetCommand"),
    ("train", "mobseg.cli.train", "TrainCommand"),
    ("finetune", "mobseg.cli.finetune", "FinetuneCommand"),
    ("rescale", "mobseg.cli.rescale", "RescaleCommand"),
    ("export", "mobseg.cli.export", "ExportCommand"),
    ("measure", "mobseg.cli.measure", "MeasureCommand"),
    ("slices", "mobseg.cli.slices", "SlicesCommand"),
    ("experiment", "mobseg.cli.experiment", "ExperimentCommand"),
)

#: 128 and the number of SIGPIPE, as a shell has it.
_EXIT_CODE_WITHOUT_READER = 141

_log = logging.getLogger("mobseg")


class Command(Protocol):
    """One subcommand; an instance holds the parsed arguments."""

    NAME: ClassVar[str]
    HELP: ClassVar[str]

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> Command:
        """Make the command from the parsed arguments."""

    def run(self) -> int:
        """Do the work and return the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Raises:
        SystemExit: the arguments are wrong (code 2), or help or the version was asked for (code 0).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    for name, module, class_name in COMMANDS:
        if arguments[:1] == [name]:
            return execute(_load(module, class_name), arguments[1:])
    _overview_parser().parse_args(arguments)
    return 0


def execute(command_class: type[Command], arguments: Sequence[str]) -> int:
    """Parse the arguments of one subcommand, run it and report a failure."""
    parser = argparse.ArgumentParser(
        prog=f"mobseg {command_class.NAME}", description=command_class.HELP
    )
    _add_common_arguments(parser)
    command_class.configure(parser)
    namespace = parser.parse_args(attach_number_lists(arguments))
    _configure_logging(namespace.verbose, debug=namespace.debug)
    try:
        code = command_class.from_arguments(namespace).run()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _end_without_reader()
    except (Exception, KeyboardInterrupt) as error:
        if namespace.debug:
            _log.exception("The command failed.")
        failure = describe_failure(error)
        hint = "" if failure.kind != "InternalError" or namespace.debug else " (--debug shows more)"
        print(f"mobseg: error: {failure.sentence}{hint}", file=sys.stderr)
        return failure.exit_code


def _end_without_reader() -> int:
    """End as other programs do whose output nobody reads any more, such as that of ``| head``."""
    # Python flushes once more when it ends, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _EXIT_CODE_WITHOUT_READER


def attach_number_lists(arguments: Sequence[str]) -> list[str]:
    """Turn ``--roi -10,20`` into ``--roi=-10,20``.

    argparse takes a detached value that begins with a minus sign for an option, unless it is one number.
    """
    attached: list[str] = []
    for argument in arguments:
        is_list = re.fullmatch(r"-[\d.][\d.eE+-]*(,[\d.eE+-]+)+", argument)
        if is_list and attached and re.fullmatch(r"--[a-z-]+", attached[-1]):
            attached[-1] += f"={argument}"
        else:
            attached.append(argument)
    return attached


def _load(module: str, class_name: str) -> type[Command]:
    command_class: type[Command] = getattr(importlib.import_module(module), class_name)
    return command_class


def _overview_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mobseg",
        description="Segment CT with exact uncertainty and regions to review. Research use only.",
        epilog="mobseg COMMAND --help explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"mobseg {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module, class_name in COMMANDS:
        commands.add_parser(name, help=_load(module, class_name).HELP)
    return parser


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="say more; twice for even more"
    )
    parser.add_argument("--debug", action="store_true", help="show the full traceback of a failure")


def _configure_logging(verbosity: int, *, debug: bool) -> None:
    level = logging.DEBUG if debug else logging.WARNING - 10 * min(verbosity, 2)
    # Other libraries log their own internals at these levels; only ours are of interest.
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    _log.setLevel(level)
