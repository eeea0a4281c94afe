"""Every import of ``mobseg`` follows the layers stated in ``layers.py``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.layers import (
    LAYER_OF,
    MAY_TRAIN,
    ORDER,
    PACKAGE,
    RESERVED,
    VIEWER,
    Module,
    allowed_third_party,
    is_standard_library,
    is_within,
    modules,
)


def _complaint(module: Module, imported: str) -> str | None:
    """Why ``module`` may not import ``imported``; ``None`` when it may."""
    package, _, inner = imported.partition(".")
    if package == "mobseg":
        if not inner or inner.startswith("__"):
            return None  # the package itself, or a name such as __version__
        layer = Module(inner, module.path).layer
        if ORDER.index(layer) > ORDER.index(module.layer):
            return f"layer {module.layer} imports mobseg.{inner} of the later layer {layer}"
        if is_within(inner, ("nnunet",)) and not is_within(module.name, ("nnunet", *MAY_TRAIN)):
            return f"imports mobseg.{inner}, but inference must not need nnU-Net"
        return None
    if is_standard_library(imported):
        return None
    if package in VIEWER:
        return f"imports {package}, which belongs to the viewer"
    if package in RESERVED:
        owners = RESERVED[package]
        return (
            None if is_within(module.name, owners) else f"imports {package}, reserved for {owners}"
        )
    if package not in allowed_third_party(module.layer):
        return f"layer {module.layer} imports {package}"
    return None


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_imports_follow_the_layers(module: Module) -> None:
    complaints = {_complaint(module, imported) for imported in module.imports()} - {None}
    assert not complaints, f"mobseg.{module.name}: {sorted(filter(None, complaints))}"


def test_every_listed_part_exists() -> None:
    names = [module.name.split(".") for module in modules()]
    parts = {".".join(name[:depth]) for name in names for depth in range(1, len(name) + 1)}
    assert set(LAYER_OF) <= parts, f"listed, but gone: {sorted(set(LAYER_OF) - parts)}"


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("bundle.catalogue", "mobseg.bundle.folder.open_model_folder"),
        ("geometry", "torch"),
        ("geometry", "mobseg.moments.sigmoid_moments"),
        ("metrics.overlap", "matplotlib.pyplot"),
        ("moments", "mobseg.pipeline"),
        ("inference.windows", "nnunetv2.inference"),
        ("pipeline", "mobseg.nnunet.trainer"),
        ("report.html", "slicer.util"),
        ("worker.server", "pandas"),
    ],
)
def test_a_wrong_import_is_found(importer: str, imported: str) -> None:
    assert _complaint(Module(importer, PACKAGE), imported)


def test_an_unlisted_module_is_refused_with_advice() -> None:
    with pytest.raises(AssertionError, match="add 'brand_new' to LAYER_OF"):
        _ = Module("brand_new.part", PACKAGE).layer


IMPORT_WITHOUT = """
import importlib, importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Blocker())
for name in {names!r}:
    importlib.import_module(name)
"""


def _import_without(blocked: set[str], names: list[str]) -> None:
    code = IMPORT_WITHOUT.format(blocked=sorted(blocked), names=names)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_light_modules_import_without_torch() -> None:
    light = [module.full_name for module in modules() if module.layer == "light"]
    _import_without(
        {"torch", "nnunetv2", "dynamic_network_architectures", "matplotlib", *VIEWER}, light
    )


def test_everything_but_training_imports_without_nnunet() -> None:
    names = [
        module.full_name
        for module in modules()
        if module.layer != "nnunet"
        and not is_within(module.name, MAY_TRAIN)
        and not module.name.endswith("__main__")
    ]
    _import_without({"nnunetv2", *VIEWER}, names)
