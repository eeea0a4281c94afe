"""3D Slicer's Python, as the installer and the worker need it. Uses ``slicer`` and ``PyTorchUtils``."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from MoBSegmentationLib.installer import CheckLine, OnLine
from MoBSegmentationLib.worker_command import WorkerCommand, find_python, worker_command

_PROBE = (
    "from mobseg.worker.engine import PipelineEngine\n"
    "print('; '.join(device.description for device in PipelineEngine().prepare()))"
)
_PROBE_SECONDS = 300.0

#: What pip accepts in a pin; it refuses a whole file for one version that it cannot read.
_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9.]+)?", re.ASCII)


def slicer_worker_command() -> WorkerCommand:
    """How 3D Slicer starts the worker.

    Raises:
        FileNotFoundError: its Python is not there.
    """
    import slicer  # noqa: PLC0415

    return worker_command(find_python(Path(slicer.app.slicerHome)), os.environ)


class SlicerEnvironment:
    """The Python of the running 3D Slicer; see :class:`installer.PythonEnvironment`.

    Args:
        command: how the worker is started.
    """

    def __init__(self, command: Callable[[], WorkerCommand] = slicer_worker_command) -> None:
        self._command = command

    def version_of(self, distribution: str) -> str | None:
        """The installed version; imports nothing."""
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    def has_torch_installer(self) -> bool:
        """Whether the extension PyTorch is there."""
        return importlib.util.find_spec("PyTorchUtils") is not None

    def install_torch(self, versions: str, on_line: OnLine) -> None:
        """Install PyTorch with its extension, which chooses the build for the GPU driver."""
        utilities: Any = importlib.import_module("PyTorchUtils")
        with printed_lines(on_line):
            utilities.PyTorchUtilsLogic().installTorch(torchVersionRequirement=versions)
        importlib.invalidate_caches()

    def pip_install(self, arguments: Sequence[str], on_line: OnLine) -> None:
        """Run ``pip install`` with all packages that are there held in their versions."""
        import slicer  # noqa: PLC0415

        with tempfile.TemporaryDirectory(prefix="mobseg-pip-") as folder, printed_lines(on_line):
            held = Path(folder) / "held.txt"
            held.write_text("\n".join(_held_versions(arguments)), encoding="utf-8")
            slicer.util.pip_install([*arguments, "--constraint", str(held)])
        importlib.invalidate_caches()

    def try_worker(self) -> CheckLine:
        """Start the worker's imports in a process of their own, and say what devices it finds."""
        subject = "segmentation process"
        try:
            command = self._command()
            result = subprocess.run(
                [command.program, "-c", _PROBE],
                env=command.environment,
                cwd=command.folder,
                capture_output=True,
                timeout=_PROBE_SECONDS,
                check=False,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return CheckLine(subject, False, str(error))
        output = result.stderr if result.returncode else result.stdout
        lines = output.decode("utf-8", errors="replace").strip().splitlines() or [""]
        return CheckLine(subject, result.returncode == 0, lines[-1])


@contextlib.contextmanager
def printed_lines(on_line: OnLine) -> Iterator[None]:
    """Tell each line that is printed meanwhile; 3D Slicer prints what pip writes and reports no more."""
    tee = _Tee(sys.stdout, on_line)
    with contextlib.redirect_stdout(tee):
        yield
    tee.finish()


class _Tee(io.TextIOBase):
    """Writes on to another stream, and tells complete lines."""

    def __init__(self, stream: Any, on_line: OnLine) -> None:
        self._stream = stream
        self._on_line = on_line
        self._pending = ""

    def write(self, text: str) -> int:
        """Write text."""
        self._stream.write(text)
        *lines, self._pending = (self._pending + text).split("\n")
        for line in lines:
            self._on_line(line)
        return len(text)

    def finish(self) -> None:
        """Tell what came after the last line end."""
        if self._pending:
            self._on_line(self._pending)


def _held_versions(arguments: Sequence[str]) -> Iterator[str]:
    """A pin for each installed package but those that are to be installed."""
    done = {_normalised(re.split("[<>=!]", argument)[0]) for argument in arguments}
    for distribution in importlib.metadata.distributions():
        name = _normalised(distribution.metadata["Name"] or "")
        # Of two versions on the module path the first is the one in use.
        if name and name not in done and _VERSION.fullmatch(distribution.version):
            yield f"{name}=={distribution.version}"
        done.add(name)


def _normalised(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()
