"""Turns any exception into what is reported: a kind, an exit code and one sentence."""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass

from mobseg.errors import Cancelled, MobsegError, OutputError

#: Modules that are not installed with the light part, and the extra that brings each.
_EXTRAS = {
    "torch": "inference",
    "dynamic_network_architectures": "inference",
    "matplotlib": "inference",
    "nnunetv2": "train",
    "batchgenerators": "train",
    "batchgeneratorsv2": "train",
}


@dataclass(frozen=True)
class Failure:
    """What went wrong, without patient data.

    Attributes:
        kind: class name of the error, ``MissingDependency`` or ``InternalError``.
        exit_code: exit code of the command line.
        sentence: what is wrong and what to do.
    """

    kind: str
    exit_code: int
    sentence: str


def describe_failure(error: BaseException) -> Failure:
    """Describe ``error`` for people.

    The text of an unexpected exception is left out, because it may hold a file name.
    """
    if isinstance(error, MobsegError):
        return Failure(type(error).__name__, error.exit_code, str(error))
    if isinstance(error, KeyboardInterrupt):
        return Failure("Cancelled", Cancelled.exit_code, "Cancelled; nothing was written.")
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = _describe_missing(error.name.partition(".")[0])
        if missing is not None:
            return missing
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Failure(
            "OutputError", OutputError.exit_code, "The disk is full; free some space and try again."
        )
    return Failure(
        "InternalError",
        MobsegError.exit_code,
        f"An unexpected {type(error).__name__} stopped the run; this is a fault of mobseg, "
        "please report it.",
    )


def _describe_missing(module: str) -> Failure | None:
    extra = _EXTRAS.get(module)
    if extra is None:
        return None
    return Failure(
        "MissingDependency",
        9,
        f'This needs the Python package "{module}", which is not installed; '
        f'install it with: pip install "mobseg[{extra}]".',
    )


def traceback_without_text(error: BaseException) -> str:
    """The chain of exceptions with code positions but without messages, which may hold file names."""
    parts = []
    current: BaseException | None = error
    while current is not None:
        frames = "".join(traceback.format_tb(current.__traceback__))
        parts.append(f"{frames}{type(current).__name__}")
        current = current.__cause__ or current.__context__
    return "\nwhile handling\n".join(parts)
