"""The extension's build lists every file, and its code keeps to the light layer."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.layers import ROOT, Module, is_standard_library, modules

EXTENSION = ROOT / "MoBSegmentation"
LISTS = (EXTENSION / "CMakeLists.txt").read_text(encoding="utf-8")
SOURCES = sorted(EXTENSION.rglob("*.py"))


def _listed(variable: str) -> set[str]:
    match = re.search(rf"set\({variable}\s+(.*?)\)", LISTS, re.DOTALL)
    assert match
    return set(match[1].replace("${MODULE_NAME}", "MoBSegmentation").split())


def test_scripts_listed_for_the_build_are_those_on_disk() -> None:
    assert _listed("MODULE_PYTHON_SCRIPTS") == {
        path.relative_to(EXTENSION).as_posix() for path in SOURCES
    }


def test_resources_listed_for_the_build_are_those_on_disk() -> None:
    resources = [path for path in (EXTENSION / "Resources").rglob("*") if path.is_file()]
    assert _listed("MODULE_PYTHON_RESOURCES") == {
        path.relative_to(EXTENSION).as_posix() for path in resources
    }


def test_the_core_is_copied_whole() -> None:
    """It is not listed: a glob fills the build tree, and a whole directory is installed."""
    assert 'CONFIGURE_DEPENDS "${CORE_DIR}/mobseg/*"' in LISTS
    assert 'DIRECTORY "${CORE_DIR}/mobseg"' in LISTS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_viewer_imports_only_the_light_layer(path) -> None:
    light = {module.full_name for module in modules() if module.layer == "light"}
    viewer = {"slicer", "qt", "ctk", "vtk", "numpy", "MoBSegmentationLib"}
    for imported in Module(path.stem, path).imports():
        package = imported.partition(".")[0]
        if package == "mobseg":
            assert {imported, imported.rpartition(".")[0]} & light, f"{imported} is not light"
        else:
            assert is_standard_library(imported) or package in viewer, imported


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_mobseg_is_not_imported_at_file_scope(path) -> None:
    """3D Slicer reads the files before the core's folder is on the module path."""
    top = ast.parse(path.read_text(encoding="utf-8")).body
    names = [node.module or "" for node in top if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in top if isinstance(node, ast.Import) for alias in node.names]
    assert not [name for name in names if name.partition(".")[0] == "mobseg"]
