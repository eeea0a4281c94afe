"""How the worker is started: 3D Slicer's own Python, with the core's folder on its module path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PYTHON = "PythonSlicer"


@dataclass(frozen=True)
class WorkerCommand:
    """What to start.

    Attributes:
        program: the Python interpreter.
        arguments: its arguments.
        environment: all environment variables.
        folder: working directory.
    """

    program: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: str


def worker_command(python: Path, environment: Mapping[str, str]) -> WorkerCommand:
    """The command that starts ``mobseg.worker``.

    Args:
        python: the interpreter.
        environment: of the viewer.
    """
    core = core_folder()
    own = {
        # The user's own packages belong to another Python.
        "PYTHONNOUSERSITE": "1",
        # A print must not fail where the console has an old code page.
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": _prepended(str(core), environment.get("PYTHONPATH", "")),
    }
    inherited = {name: value for name, value in environment.items() if _is_wanted(name, python)}
    # Python puts the working directory first on the module path, so nothing but the core may lie there.
    return WorkerCommand(
        str(python), ("-m", "mobseg.worker"), {**inherited, **own}, folder=str(core)
    )


def core_folder() -> Path:
    """The folder that holds the package ``mobseg``; nothing of it is executed but its ``__init__``."""
    import mobseg  # noqa: PLC0415  on the module path only once the module is set up

    return Path(mobseg.__file__).resolve().parents[1]


def find_python(slicer_home: Path) -> Path:
    """The Python interpreter of 3D Slicer: its own, or else the one that it has put on ``PATH``.

    Args:
        slicer_home: ``slicer.app.slicerHome``.

    Raises:
        FileNotFoundError: this is no installation of 3D Slicer.
    """
    found = shutil.which(_PYTHON, path=str(slicer_home / "bin")) or shutil.which(_PYTHON)
    if found is None:
        raise FileNotFoundError(
            f"{_PYTHON} was not found beside the application; reinstall 3D Slicer."
        )
    return Path(found)


def _is_wanted(name: str, python: Path) -> bool:
    """``PYTHONHOME`` is that of 3D Slicer, and breaks any other Python."""
    return bool(name) and (name != "PYTHONHOME" or python.stem == _PYTHON)


def _prepended(folder: str, paths: str) -> str:
    others = [path for path in paths.split(os.pathsep) if path and path != folder]
    return os.pathsep.join([folder, *others])
