"""``mobseg models``: see, import, check and remove models."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mobseg.bundle.catalogue import InstalledModel, list_models, remove_model
from mobseg.bundle.folder import ModelFolder, model_sha256
from mobseg.bundle.metadata import BundleMetadata, TrainingData
from mobseg.bundle.store import import_model, resolve_model, verify_model
from mobseg.labels import Label

Rows = list[tuple[str, str]]

_ACTIONS = {
    "list": "list the installed models",
    "info": "show all that is known of one model",
    "import": "copy a model folder or bundle into your models",
    "verify": "check the files of an installed model against their SHA-256",
    "remove": "delete an imported model",
}


@dataclass(frozen=True)
class ModelsCommand:
    """Arguments of ``mobseg models``.

    Attributes:
        action: what to do.
        target: id or path of the model; empty for ``list``.
        as_json: whether to print JSON.
    """

    NAME: ClassVar[str] = "models"
    HELP: ClassVar[str] = "list, inspect, import, verify and remove models"

    action: str
    target: str
    as_json: bool

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        for action, help_text in _ACTIONS.items():
            subparser = actions.add_parser(action, help=help_text, description=help_text)
            if action == "import":
                subparser.add_argument("target", metavar="PATH", help="model folder or bundle")
            elif action == "info":
                subparser.add_argument("target", metavar="ID|PATH", help="id or path of a model")
            elif action != "list":
                subparser.add_argument("target", metavar="ID", help="id of an installed model")
            if action in ("list", "info"):
                subparser.add_argument("--json", action="store_true", help="print JSON")

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> ModelsCommand:
        """Make the command from the parsed arguments."""
        return cls(
            action=namespace.action,
            target=getattr(namespace, "target", ""),
            as_json=getattr(namespace, "json", False),
        )

    def run(self) -> int:
        """Do the work and return the exit code."""
        if self.action == "list":
            self._list()
        elif self.action == "info":
            self._info()
        elif self.action == "import":
            model = import_model(Path(self.target))
            print(f'Imported; use it with "--model {model.id}".')
        elif self.action == "verify":
            verify_model(self.target)
            print(f"{self.target}: all files are as they were packed.")
        else:
            remove_model(self.target)
            print(f"{self.target}: removed.")
        return 0

    def _list(self) -> None:
        models = list_models()
        if self.as_json:
            _print_json([_summary(model) for model in models])
        elif not models:
            print('No models are installed; add one with "mobseg models import PATH".')
        else:
            print("\n\n".join(_table(model.id, _rows(model)) for model in models))

    def _info(self) -> None:
        model = resolve_model(self.target)
        if self.as_json:
            _print_json(_details(model))
        else:
            print(_table(self.target, _detailed_rows(model)))


def _summary(model: InstalledModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "origin": model.origin,
        "path": str(model.path),
        "problem": model.problem,
        "metadata": _plain(model.metadata),
    }


def _details(model: ModelFolder) -> dict[str, Any]:
    return {
        "path": str(model.path),
        "sha256": model_sha256(model),
        "configuration": model.configuration_name,
        "folds": list(model.folds),
        "spacing_mm": model.configuration["spacing"],
        "patch_size": model.configuration["patch_size"],
        "label_mode": model.label_mode,
        "labels": [dataclasses.asdict(label) for label in model.label_table],
        "metadata": _plain(model.metadata),
    }


def _plain(metadata: BundleMetadata | None) -> Any:
    return None if metadata is None else json.loads(metadata.to_json())


def _rows(model: InstalledModel) -> Rows:
    origin = "ships with the program" if model.origin == "shipped" else "imported"
    if model.problem is not None:
        return [("origin", origin), ("problem", model.problem)]
    if model.metadata is None:
        return [("origin", origin), ("kind", "plain nnU-Net model, deterministic, without a card")]
    metadata = model.metadata
    return [
        ("name", f"{metadata.name}, version {metadata.version}"),
        ("origin", origin),
        ("labels", ", ".join(label.name for label in metadata.labels)),
        ("intended use", metadata.intended_use),
        ("trained on", _training(metadata.training_data)),
    ]


def _detailed_rows(model: ModelFolder) -> Rows:
    spacing = " x ".join(f"{value:.3g}" for value in model.configuration["spacing"])
    patch = " x ".join(str(value) for value in model.configuration["patch_size"])
    rows = [
        ("folder", str(model.path)),
        ("SHA-256", model_sha256(model)),
        ("labels", "; ".join(_label(label) for label in model.label_table)),
        ("network", f"{model.configuration_name}, patch {patch} at {spacing} mm"),
        ("folds", ", ".join(str(fold) for fold in model.folds)),
    ]
    if model.metadata is None:
        return [*rows, ("kind", "plain nnU-Net model, deterministic, without a card")]
    return [*rows, *_metadata_rows(model.metadata)]


def _metadata_rows(metadata: BundleMetadata) -> Rows:
    threshold = metadata.recommended_threshold
    measured = "not measured" if threshold is None else f"{threshold:.3g}"
    return [
        ("name", f"{metadata.name}, version {metadata.version} of {metadata.created}"),
        ("kind", metadata.parameterisation.replace("_", " ")),
        ("intended use", metadata.intended_use),
        ("limits", metadata.limits),
        ("needs a region", "yes" if metadata.requires_roi else "no"),
        ("trained on", _training(metadata.training_data)),
        ("citation", metadata.training_data.citation),
        ("data licence", metadata.training_data.licence),
        ("model licence", metadata.licence),
        ("regions from", f"{metadata.score_map}, threshold {measured}"),
        *_dice_rows(metadata.metrics),
        ("all metrics", "--json shows them"),
    ]


def _dice_rows(
    metrics: Mapping[str, Any], place: tuple[str, ...] = ()
) -> Iterator[tuple[str, str]]:
    """Every Dice among the metrics, wherever it stands: the figure that people ask for first."""
    for key, value in metrics.items():
        if not isinstance(value, Mapping):
            continue
        if "dice" in (*place, key) and "mean" in value:
            where = ", ".join(part for part in (*place, key) if part not in ("dice", "per_case"))
            spread = f" +- {value['sd']:.3f}" if value.get("sd") is not None else ""
            yield "Dice", f"{value['mean']:.3f}{spread} ({where})"
        else:
            yield from _dice_rows(value, (*place, key))


def _training(data: TrainingData) -> str:
    return (
        f"{data.name} ({data.n_train} training, {data.n_validation} validation and "
        f"{data.n_test} test cases)"
    )


def _label(label: Label) -> str:
    code = f" ({label.type.scheme} {label.type.value})" if label.type else ""
    return f"{label.value} {label.name}{code}"


def _table(title: str, rows: Rows) -> str:
    """A title and aligned rows, wrapped to the width of the terminal."""
    label_width = max(len(name) for name, _ in rows) + 4
    text_width = max(shutil.get_terminal_size().columns - label_width, 40)
    lines = [title]
    for name, value in rows:
        wrapped = textwrap.wrap(value, text_width) or [""]
        lines.append(f"  {name}".ljust(label_width) + wrapped[0])
        lines += [" " * label_width + line for line in wrapped[1:]]
    return "\n".join(lines)


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))
