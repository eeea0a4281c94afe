"""The extension's build lists every file, and its code keeps to the light layer."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from tests.architecture.layers import ROOT, Module, is_standard_library, modules

EXTENSION = ROOT / "MoBSegmentation"
TOP = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
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


def _metadata(name: str) -> str:
    """Value of a ``set(EXTENSION_...)``, which the extension server wants on one line."""
    match = re.search(rf'^set\(EXTENSION_{name} "([^"\n]+)"\)$', TOP, re.MULTILINE)
    assert match, name
    return match[1]


def test_icon_and_screenshots_of_the_catalogue_are_in_the_repository() -> None:
    home = _metadata("HOMEPAGE")
    addresses = [_metadata("ICONURL"), *_metadata("SCREENSHOTURLS").split()]
    for address in addresses:
        assert (ROOT / address.removeprefix(f"{home}/")).is_file(), address


def test_the_entry_of_the_extensions_index_agrees_with_the_build() -> None:
    """Keys of the schema 1.0.1, which allows no others."""
    entry = json.loads((ROOT / "Resources" / "MoBSegmentation.json").read_text(encoding="utf-8"))
    assert entry.pop("$schema").endswith("slicer-extension-catalog-entry-schema-v1.0.1.json#")
    assert entry.pop("scm_url") == f"{_metadata('HOMEPAGE')}.git"
    assert entry == {
        "build_dependencies": [_metadata("DEPENDS")],
        "build_subdirectory": ".",
        "category": _metadata("CATEGORY"),
        "enabled": True,
        "scm_revision": "main",
        "scm_type": "git",
        "tier": 1,
    }


def test_pictures_of_the_documentation_exist_and_are_small() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            picture: Path = page.parent / target
            assert picture.is_file(), f"{page.name}: {target}"
            if page.parent.name == "docs" and "user_guide" in target:
                assert picture.stat().st_size <= 300_000, target


def test_texts_are_translated_as_a_whole() -> None:
    """``_(f"...")`` cannot be translated: the tool that collects the texts does not see it."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_viewer_imports_only_the_light_layer(path) -> None:
    light = {module.full_name for module in modules() if module.layer == "light"}
    viewer = {"slicer", "qt", "ctk", "vtk", "numpy", "MoBSegmentationLib", "SampleData"}
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
