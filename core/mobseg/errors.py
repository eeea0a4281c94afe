"""The errors a user can meet, each with one clear sentence and its own exit code.

Every message says what is wrong and what to do about it, in one sentence, and never holds patient data.
"""

from __future__ import annotations

from typing import ClassVar


class MobsegError(Exception):
    """Base of all errors that are reported to the user without a traceback."""

    exit_code: ClassVar[int] = 1


class InvalidInput(MobsegError):
    """The image, reference or option cannot be used."""

    exit_code: ClassVar[int] = 3


class GeometryMismatch(InvalidInput):
    """Two volumes that must share one grid do not."""

    exit_code: ClassVar[int] = 4


class BundleError(MobsegError):
    """A model folder or bundle is incomplete, damaged, unsafe or of an unknown kind."""

    exit_code: ClassVar[int] = 5


class DeviceError(MobsegError):
    """The requested device does not exist, or ran out of memory with no fallback left."""

    exit_code: ClassVar[int] = 6


class OutputError(MobsegError):
    """The result cannot be written: the output exists, is not writable, or the disk is full."""

    exit_code: ClassVar[int] = 7


class NumericalError(MobsegError):
    """The network produced values that are not finite."""

    exit_code: ClassVar[int] = 8


class Cancelled(MobsegError):
    """The user cancelled; nothing was written."""

    exit_code: ClassVar[int] = 130
