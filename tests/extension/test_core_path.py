"""``mobseg`` is found from a checkout and from the installed extension."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIND = "import sys; sys.path.insert(0, sys.argv[1])\n" + (
    "from MoBSegmentationLib.core_path import make_core_importable; make_core_importable()\n"
    "import mobseg.errors; print(mobseg.errors.__file__)"
)


def _find_core(module_folder: Path) -> subprocess.CompletedProcess[str]:
    """Without site-packages (-S), as in a 3D Slicer that never installed mobseg."""
    command = [sys.executable, "-I", "-S", "-c", FIND, str(module_folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The module folder of an installed extension, without the core."""
    library = ROOT / "MoBSegmentation" / "MoBSegmentationLib"
    shutil.copytree(library, tmp_path / "module" / library.name)
    return tmp_path / "module"


def test_a_checkout_uses_its_own_core() -> None:
    found = _find_core(ROOT / "MoBSegmentation").stdout.strip()
    assert Path(found) == ROOT / "core" / "mobseg" / "errors.py"


def test_an_installed_extension_uses_the_core_beside_the_module(installed: Path) -> None:
    (installed / "mobseg").mkdir()
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ROOT / "core" / "mobseg" / name, installed / "mobseg" / name)
    assert Path(_find_core(installed).stdout.strip()) == installed / "mobseg" / "errors.py"


def test_a_missing_core_is_named_with_advice(installed: Path) -> None:
    result = _find_core(installed)
    assert result.returncode != 0
    assert "reinstall the extension" in result.stderr
