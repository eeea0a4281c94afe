"""The layers of ``mobseg`` and who may import what: the one place that states the architecture.

light <- torch <- nnunet <- app: a module imports only modules of its own or an earlier layer.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "core" / "mobseg"

ORDER = ("light", "torch", "nnunet", "app")

#: Dotted name below ``mobseg`` -> its layer and that of all below it; the longest name decides.
LAYER_OF = {
    **dict.fromkeys(
        [
            "__init__",
            # what a viewer needs to list, import and remove models
            "bundle.__init__",
            "bundle.catalogue",
            "bundle.extraction",
            "bundle.fields",
            "bundle.label_scheme",
            "bundle.layout",
            "bundle.manifest",
            "bundle.metadata",
            "bundle.staging",
            "bundle.terminology",
            "allocator",
            "body",
            "errors",
            "failure",
            "geometry",
            "image_io",
            "interruption",
            "label_blocks",
            "label_estimates",
            "labels",
            "metrics",
            "options",
            "orientation",
            "prediction",
            "prediction_folder",
            "progress",
            "protocol",
            "region_of_interest",
            "regions",
            "slabs",
            "sparse_map",
            "sparse_prediction",
            "stopwatch",
            "strict_json",
            "summary",
            "thresholds",
            "time_left",
            "uncertainty",
            "volume",
        ],
        "light",
    ),
    **dict.fromkeys(
        [
            "active_classes",
            "bundle",
            "certainty",
            "covariance",
            "device",
            "estimates",
            "execution",
            "fidelity",
            "inference",
            "losses",
            "model",
            "moments",
            "network",
            "projections",
            "sampling",
        ],
        "torch",
    ),
    "nnunet": "nnunet",
    **dict.fromkeys(
        ["__main__", "cli", "datasets", "experiment", "pipeline", "report", "validation", "worker"],
        "app",
    ),
}

#: Third-party packages a layer may import, beyond those of the layers before it.
THIRD_PARTY = {
    "light": {"numpy", "scipy", "SimpleITK", "isal"},
    "torch": {"torch", "openvino"},
    "nnunet": {"nnunetv2"},
    "app": {"matplotlib"},
}

#: Packages that belong to these modules only.
RESERVED = {
    "nnunetv2": ("nnunet",),
    "dynamic_network_architectures": ("network", "nnunet"),
    "matplotlib": ("report", "experiment.figures", "experiment.slices"),
    "isal": ("image_io._gzip_write",),
    "openvino": ("network.openvino_graph",),
}

#: The only modules outside ``nnunet`` that may import it: inference never needs nnU-Net.
MAY_TRAIN = ("cli.train", "cli.finetune", "cli.experiment")

#: The viewer's packages, which ``mobseg`` never imports.
VIEWER = {"slicer", "qt", "ctk", "vtk", "vtkmodules", "PythonQt", "PySide6"}


@dataclass(frozen=True)
class Module:
    """One source file of ``mobseg``; ``name`` is dotted, below ``mobseg``."""

    name: str
    path: Path

    @property
    def layer(self) -> str:
        name = self.name
        while name not in LAYER_OF:
            if "." not in name:
                raise AssertionError(
                    f"mobseg.{self.name} is in no layer: add '{name}' to LAYER_OF in {__name__}, to the "
                    "earliest layer whose packages suffice."
                )
            name = name.rpartition(".")[0]
        return LAYER_OF[name]

    @property
    def full_name(self) -> str:
        return f"mobseg.{self.name}".removesuffix(".__init__")

    def imports(self) -> Iterator[str]:
        """Dotted names of everything imported anywhere in the file, also inside functions.

        ``from a import b`` gives ``a.b``, since ``b`` may be a module.
        """
        for node in ast.walk(ast.parse(self.path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}: import absolutely, not relatively."
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules() -> list[Module]:
    """All source files of ``mobseg``."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE).with_suffix("")
        found.append(Module(".".join(relative.parts), path))
    return found


def allowed_third_party(layer: str) -> set[str]:
    """Packages outside the standard library that a module of this layer may import."""
    earlier = ORDER[: ORDER.index(layer) + 1]
    return set().union(*(THIRD_PARTY[name] for name in earlier))


def is_standard_library(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


def is_within(name: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of these modules or lies below one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)
