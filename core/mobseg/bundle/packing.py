"""Makes a bundle from a trained model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mobseg.bundle.archive import write_archive
from mobseg.bundle.checkpoint import read_checkpoint, write_checkpoint
from mobseg.bundle.folder import ModelFolder, check_networks, open_model_folder
from mobseg.bundle.layout import (
    CHECKPOINTS,
    CURVES,
    DATASET,
    METADATA,
    MODEL_CARD,
    PLANS,
    fold_folder,
)
from mobseg.bundle.manifest import write_manifest
from mobseg.bundle.metadata import BundleMetadata
from mobseg.bundle.staging import staged

#: Settings of a fine-tuning in the plans, see :mod:`mobseg.nnunet.settings`.
FINETUNE_KEY = "mobseg_finetune"

#: Trainer that every nnU-Net installation has; the network itself is named in the plans.
_STOCK_TRAINER = "nnUNetTrainer"


def pack_bundle(
    model: ModelFolder,
    metadata: BundleMetadata,
    destination: Path,
    *,
    model_card: Path | None = None,
    curves: Path | None = None,
) -> None:
    """Write a bundle: one zip that is, unpacked, a model folder which stock nnU-Net loads.

    The checkpoints keep the weights, in float16, and what inference needs; optimiser state and training log
    are left out. Equal models give equal bytes (with one version of PyTorch).

    Args:
        model: the trained model.
        metadata: becomes ``mobseg.json``.
        destination: the zip file to make.
        model_card: a Markdown file to add as ``MODEL_CARD.md``.
        curves: a PNG picture of the training to add as ``curves.png``.

    Raises:
        BundleError: the model and the metadata do not fit together, or a checkpoint is unsafe.
        OutputError: the destination exists or cannot be written.
    """
    with staged(destination) as archive:
        folder = archive.with_suffix(".folder")
        folder.mkdir()
        shutil.copyfile(model.path / DATASET, folder / DATASET)
        plans = json.dumps(_portable_plans(model.plans), indent=1)
        (folder / PLANS).write_text(plans, encoding="utf-8", newline="\n")
        (folder / METADATA).write_text(metadata.to_json(), encoding="utf-8", newline="\n")
        for source, target in zip(model.checkpoint_paths, model.folds, strict=True):
            _slim_checkpoint(source, folder / fold_folder(target) / CHECKPOINTS[0])
        for extra, name in ((model_card, MODEL_CARD), (curves, CURVES)):
            if extra is not None:
                shutil.copyfile(extra, folder / name)
        check_networks(open_model_folder(folder))
        write_manifest(folder)
        write_archive(folder, archive)


def _portable_plans(plans: dict[str, Any]) -> dict[str, Any]:
    """The plans without the place of the base model on the machine that trained."""
    settings = plans.get(FINETUNE_KEY, {})
    kept = {key: value for key, value in settings.items() if key != "base_checkpoint"}
    return plans | {FINETUNE_KEY: kept} if settings else plans


def _slim_checkpoint(source: Path, target: Path) -> None:
    checkpoint = read_checkpoint(source)
    target.parent.mkdir()
    weights = _halved(checkpoint.weights)
    write_checkpoint(replace(checkpoint, weights=weights, trainer_name=_STOCK_TRAINER), target)


def _halved(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float16, which any network of float32 takes over, at half the size.

    nnU-Net names most layers twice (the decoder holds the encoder), so tensors that are the same in memory
    stay so; each is copied, because a view of a larger tensor would be saved with all of it.
    """
    copies: dict[tuple[int, torch.Size], Tensor] = {}
    halved = {}
    for name, tensor in weights.items():
        key = (tensor.data_ptr(), tensor.shape)
        if key not in copies:
            copies[key] = _as_half(tensor.detach()).clone(memory_format=torch.contiguous_format)
        halved[name] = copies[key]
    return halved


def _as_half(tensor: Tensor) -> Tensor:
    if tensor.dtype != torch.float32 or tensor.abs().max() > torch.finfo(torch.float16).max:
        return tensor
    return tensor.half()
