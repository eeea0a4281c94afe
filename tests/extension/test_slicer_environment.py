"""The installer's view of a Python, on the Python of the tests."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from MoBSegmentationLib.slicer_environment import SlicerEnvironment, printed_lines
from MoBSegmentationLib.worker_command import worker_command


def _command():
    return worker_command(Path(sys.executable), os.environ)


@pytest.fixture
def environment() -> SlicerEnvironment:
    return SlicerEnvironment(_command)


@pytest.fixture
def pip(monkeypatch):
    """Stands for ``slicer.util.pip_install``; remembers its arguments and the pins, and prints."""
    calls = []

    def pip_install(arguments):
        calls.append((arguments, Path(arguments[-1]).read_text("utf-8").splitlines()))
        print("Collecting x")  # noqa: T201
        print("unfinished", end="")  # noqa: T201

    slicer = types.ModuleType("slicer")
    slicer.util = types.SimpleNamespace(pip_install=pip_install)
    monkeypatch.setitem(sys.modules, "slicer", slicer)
    return calls


def test_versions_are_found_without_an_import(environment) -> None:
    assert environment.version_of("numpy") == importlib.metadata.version("numpy")
    assert environment.version_of("no-such-distribution") is None


def test_pip_holds_what_is_there(environment, pip, capsys) -> None:
    lines = []
    environment.pip_install(
        ["--no-deps", "Dynamic_Network.architectures>=0.4.4,<0.5"], lines.append
    )
    ((arguments, pins),) = pip
    assert arguments[:2] == ["--no-deps", "Dynamic_Network.architectures>=0.4.4,<0.5"]
    assert arguments[2] == "--constraint"
    assert f"numpy=={importlib.metadata.version('numpy')}" in pins
    assert not [pin for pin in pins if pin.startswith("dynamic-network")]
    assert len(pins) == len({pin.split("==")[0] for pin in pins})
    assert lines == ["Collecting x", "unfinished"]
    assert capsys.readouterr().out == "Collecting x\nunfinished"
    assert not Path(arguments[3]).exists()


def test_the_pins_are_what_pip_accepts(environment, pip, tmp_path) -> None:
    environment.pip_install(["x"], lambda line: None)
    pins = tmp_path / "held.txt"
    pins.write_text("\n".join(pip[0][1]), "utf-8")
    command = ["install", "--no-index", "--dry-run", "--constraint", str(pins), "numpy"]
    result = subprocess.run(
        [sys.executable, "-m", "pip", *command], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_lines_of_a_failure_are_told_too() -> None:
    lines = []
    with pytest.raises(ValueError, match="x"), printed_lines(lines.append):
        print("ERROR: no network")  # noqa: T201
        raise ValueError("x")
    assert lines == ["ERROR: no network"]


def test_torch_is_installed_by_its_extension(environment, monkeypatch) -> None:
    assert not environment.has_torch_installer()
    asked = []

    class PyTorchUtilsLogic:
        def installTorch(self, *, torchVersionRequirement):
            asked.append(torchVersionRequirement)
            print("Looking in indexes")  # noqa: T201

    utilities = types.ModuleType("PyTorchUtils")
    utilities.PyTorchUtilsLogic = PyTorchUtilsLogic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", utilities)
    lines = []
    environment.install_torch(">=2.6", lines.append)
    assert (asked, lines) == ([">=2.6"], ["Looking in indexes"])


@pytest.mark.slow
def test_the_worker_is_tried_in_a_process_of_its_own(environment) -> None:
    line = environment.try_worker()
    assert line.is_ok, line.text
    assert "CPU" in line.text


def test_a_worker_that_cannot_be_imported_is_told(tmp_path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libcudnn.so is missing')", "utf-8")
    command = dataclasses.replace(_command(), folder=str(tmp_path))
    line = SlicerEnvironment(lambda: command).try_worker()
    assert (line.is_ok, line.text) == (False, "OSError: libcudnn.so is missing")


def test_a_missing_python_is_told() -> None:
    def no_command():
        raise FileNotFoundError("PythonSlicer was not found")

    line = SlicerEnvironment(no_command).try_worker()
    assert (line.is_ok, line.text) == (False, "PythonSlicer was not found")
