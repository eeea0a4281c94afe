"""Installs what the worker needs into the viewer's Python, after one question, and checks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Requirement:
    """A Python package that the worker needs.

    Attributes:
        name: of the distribution.
        versions: what pip accepts, such as ``>=3.7``.
        size: of the download, in words.
        purpose: what it is for, in words.
    """

    name: str
    versions: str
    size: str
    purpose: str


class Installer:
    """Finds and installs missing packages; everything that touches the viewer is passed in."""

    def missing(self) -> tuple[Requirement, ...]:
        """Packages that are not installed, or in a version that does not do; imports none of them."""
        raise NotImplementedError

    def question(self) -> str:
        """What would be installed, how large it is, and from where; to be asked once."""
        raise NotImplementedError

    def install(self, ask: Callable[[str], bool], on_line: Callable[[str], None]) -> bool:
        """Ask, then install all that is missing; false when the user declined.

        Args:
            ask: shows a question and returns the answer.
            on_line: told each line of pip.

        Raises:
            InstallationError: with one sentence, and pip's own output in ``details``.
        """
        raise NotImplementedError

    def check(self) -> tuple[CheckLine, ...]:
        """What is installed and what is not, for a "Check installation" button."""
        raise NotImplementedError


@dataclass(frozen=True)
class CheckLine:
    """A line of the report: what, whether it is as it must be, and in which version or why not."""

    subject: str
    is_ok: bool
    text: str


class InstallationError(Exception):
    """One sentence for people; ``details`` is the output of pip."""

    def __init__(self, sentence: str, details: str) -> None:
        super().__init__(sentence)
        self.details = details
