"""Installs what the worker needs into the viewer's Python, after one question, and checks it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from MoBSegmentationLib.pip_causes import cause_of
from MoBSegmentationLib.requirements import REQUIREMENTS, TORCH, Requirement, satisfies

_LINES_KEPT = 300

OnLine = Callable[[str], None]


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


class PythonEnvironment(Protocol):
    """The viewer's Python."""

    def version_of(self, distribution: str) -> str | None:
        """The installed version; imports nothing."""

    def has_torch_installer(self) -> bool:
        """Whether the extension is there that installs the right PyTorch."""

    def install_torch(self, versions: str, on_line: OnLine) -> None:
        """Install PyTorch with the extension; raises any exception on failure."""

    def pip_install(self, arguments: Sequence[str], on_line: OnLine) -> None:
        """Run ``pip install``, changing no package that is there; raises any exception on failure."""

    def try_worker(self) -> CheckLine:
        """Start the worker's imports in a process of their own, and say what devices it finds."""


class Installer:
    """Finds and installs missing packages.

    Args:
        environment: where they are to be installed.
    """

    def __init__(self, environment: PythonEnvironment) -> None:
        self._environment = environment

    def missing(self) -> tuple[Requirement, ...]:
        """Packages that are not installed, or in a version that does not do; imports none of them."""
        return tuple(package for package in REQUIREMENTS if not self._is_there(package))

    def question(self) -> str:
        """What would be installed, how large it is, and from where; to be asked once."""
        packages = "\n".join(
            f"- {package.name} {package.versions}: {package.purpose}, {package.size}"
            for package in self.missing()
        )
        return (
            "Segmentation needs Python packages that are not installed:\n"
            f"{packages}\n\n"
            "They are downloaded from their public package servers and installed into the Python of "
            "this application; packages that are there already stay as they are. This can take "
            "minutes. Nothing is uploaded. Install them now?"
        )

    def install(self, ask: Callable[[str], bool], on_line: OnLine) -> bool:
        """Ask, then install all that is missing; false when the user declined.

        Args:
            ask: shows a question and returns the answer.
            on_line: told each line of pip.

        Raises:
            InstallationError: with one sentence, and pip's own output in ``details``.
        """
        missing = self.missing()
        if not missing:
            return True
        if TORCH in missing and not self._environment.has_torch_installer():
            raise InstallationError(
                "The extension PyTorch is not installed; install it with the Extensions Manager, "
                "restart the application and try again.",
                "",
            )
        if not ask(self.question()):
            return False
        for package in missing:
            self._install(package, on_line)
        return True

    def check(self) -> tuple[CheckLine, ...]:
        """What is installed and what is not, for a "Check installation" button; takes seconds."""
        lines = [self._check(package) for package in REQUIREMENTS]
        if all(line.is_ok for line in lines):
            lines.append(self._environment.try_worker())
        return tuple(lines)

    def _is_there(self, package: Requirement) -> bool:
        version = self._environment.version_of(package.name)
        return version is not None and satisfies(version, package.versions)

    def _check(self, package: Requirement) -> CheckLine:
        version = self._environment.version_of(package.name)
        if version is None:
            return CheckLine(package.name, False, f"not installed, needed for {package.purpose}")
        if not satisfies(version, package.versions):
            return CheckLine(package.name, False, f"{version}, but {package.versions} is needed")
        return CheckLine(package.name, True, version)

    def _install(self, package: Requirement, on_line: OnLine) -> None:
        lines: deque[str] = deque(maxlen=_LINES_KEPT)

        def note(line: str) -> None:
            lines.append(line)
            on_line(line)

        try:
            if package == TORCH:
                self._environment.install_torch(package.versions, note)
            else:
                self._environment.pip_install(package.pip_arguments, note)
        except Exception as error:
            cause = cause_of(lines) or f"{type(error).__name__}"
            details = "\n".join([*lines, str(error)])
            raise InstallationError(
                f"{package.name} could not be installed: {cause}.", details
            ) from error
        if not self._is_there(package):
            raise InstallationError(
                f"{package.name} was installed but is not found; restart the application and check the "
                "installation.",
                "\n".join(lines),
            )


def slicer_installer() -> Installer:
    """The installer of the running 3D Slicer."""
    from MoBSegmentationLib.slicer_environment import SlicerEnvironment  # noqa: PLC0415

    return Installer(SlicerEnvironment())
