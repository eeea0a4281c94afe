"""The files of a model folder, and which of them a bundle may hold."""

from __future__ import annotations

import re
from pathlib import Path

from mobseg.errors import BundleError

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


def model_root(path: Path) -> Path:
    """The model folder at ``path``, or the only one directly inside it.

    Raises:
        BundleError: there is none, or there are several.
    """
    if not path.is_dir():
        raise BundleError(f"The model folder {path} does not exist; check the path.")
    if (path / PLANS).exists() or (path / DATASET).exists():
        return path
    inside = sorted(child.parent for child in path.glob(f"*/{PLANS}"))
    if not inside:
        raise BundleError(
            f"{path} is no nnU-Net model folder ({PLANS} and {DATASET} are missing); choose the folder "
            "named like Trainer__Plans__3d_fullres."
        )
    if len(inside) > 1:
        names = ", ".join(folder.name for folder in inside)
        raise BundleError(f"{path} holds several models ({names}); choose one of them.")
    return inside[0]


def trained_folds(root: Path) -> tuple[tuple[Fold, ...], str]:
    """The folds with a checkpoint and its file name; as in stock nnU-Net, numbers go before "all".

    Raises:
        BundleError: no fold has a checkpoint.
    """
    for name in CHECKPOINTS:
        found = {file.parent.name.removeprefix("fold_") for file in root.glob(f"fold_*/{name}")}
        numbers: list[Fold] = sorted(int(fold) for fold in found if fold.isdecimal())
        if numbers or "all" in found:
            return tuple(numbers) or ("all",), name
    raise BundleError(
        f"The model folder {root} has no trained fold (fold_0/{CHECKPOINTS[0]} or similar); finish the "
        "training or use a complete model folder."
    )
