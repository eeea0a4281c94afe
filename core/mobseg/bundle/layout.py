"""The files of a model folder, and which of them a bundle may hold."""

from __future__ import annotations

import re
from pathlib import Path

#: Data files of this package.
RESOURCES = Path(__file__).resolve().parents[1] / "resources"

DATASET = "dataset.json"
PLANS = "plans.json"
METADATA = "mobseg.json"
MANIFEST = "manifest.json"
MODEL_CARD = "MODEL_CARD.md"
CURVES = "curves.png"

#: Checkpoints in the order in which they are preferred.
CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")

#: A fold as nnU-Net names it: its number, or "all" for a model trained on all cases.
Fold = int | str

_CHECKPOINT_PATH = re.compile(r"fold_(?:all|\d{1,3})/checkpoint_(?:final|best)\.pth", re.ASCII)


def is_bundle_file(name: str) -> bool:
    """Whether a bundle may hold a file of this name (relative, with forward slashes)."""
    plain = (DATASET, PLANS, METADATA, MANIFEST, MODEL_CARD, CURVES)
    return name in plain or _CHECKPOINT_PATH.fullmatch(name) is not None


def bundle_files(folder: Path) -> list[str]:
    """Names of the files in ``folder`` that belong to the model, sorted, without the manifest."""
    candidates = [*folder.glob("*"), *folder.glob("fold_*/*")]
    names = (path.relative_to(folder).as_posix() for path in candidates if path.is_file())
    return sorted(name for name in names if is_bundle_file(name) and name != MANIFEST)


def fold_folder(fold: Fold) -> str:
    """Name of the folder that holds the checkpoint of ``fold``."""
    return f"fold_{fold}"
