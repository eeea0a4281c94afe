from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from MoBSegmentationLib.worker_command import core_folder, find_python, worker_command

from tests.architecture.layers import ROOT


def test_the_core_comes_first_on_the_module_path_and_others_stay() -> None:
    command = worker_command(Path("/x/PythonSlicer"), {"PYTHONPATH": os.pathsep.join("ab")})
    paths = command.environment["PYTHONPATH"].split(os.pathsep)
    assert paths == [str(ROOT / "core"), "a", "b"]
    assert command.folder == str(core_folder()) == str(ROOT / "core")


def test_pythonhome_is_for_slicers_python_only() -> None:
    environment = {"PYTHONHOME": "/slicer", "PATH": "/bin", "": "invalid"}
    own = worker_command(Path("/x/bin/PythonSlicer.exe"), environment).environment
    other = worker_command(Path("/x/python3"), environment).environment
    assert (own["PYTHONHOME"], own["PATH"]) == ("/slicer", "/bin")
    assert "PYTHONHOME" not in other
    assert "" not in other


def test_the_command_finds_this_core() -> None:
    command = worker_command(Path(sys.executable), os.environ)
    code = "import mobseg.protocol; print(mobseg.__file__)"
    output = subprocess.run(
        [command.program, "-c", code],
        env=command.environment,
        cwd=command.folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert Path(output.strip()) == ROOT / "core" / "mobseg" / "__init__.py"


@pytest.fixture
def slicer_home(tmp_path: Path) -> Path:
    program = tmp_path / "bin" / ("PythonSlicer.exe" if os.name == "nt" else "PythonSlicer")
    program.parent.mkdir()
    program.touch()
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def test_python_is_found_on_the_path(slicer_home, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(slicer_home / "bin"))
    assert find_python(tmp_path / "nowhere").stem == "PythonSlicer"


def test_python_is_found_beside_the_application(slicer_home, monkeypatch, tmp_path_factory) -> None:
    """Also where another version of 3D Slicer comes first on the path."""
    other = tmp_path_factory.mktemp("other") / "PythonSlicer"
    other.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    assert find_python(slicer_home).parent == slicer_home / "bin"


def test_a_missing_python_is_told(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="reinstall 3D Slicer"):
        find_python(tmp_path)
