"""Makes a bundle from a trained model."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from mobseg.bundle.archive import write_archive
from mobseg.bundle.checkpoint import read_checkpoint
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

    The checkpoints keep the weights and what inference needs; optimiser state and training log are left
    out. Equal models give equal bytes (with one version of PyTorch).

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
        for name in (DATASET, PLANS):
            shutil.copyfile(model.path / name, folder / name)
        (folder / METADATA).write_text(metadata.to_json(), encoding="utf-8", newline="\n")
        for source, target in zip(model.checkpoint_paths, model.folds, strict=True):
            _slim_checkpoint(source, folder / fold_folder(target) / CHECKPOINTS[0])
        for extra, name in ((model_card, MODEL_CARD), (curves, CURVES)):
            if extra is not None:
                shutil.copyfile(extra, folder / name)
        check_networks(open_model_folder(folder))
        write_manifest(folder)
        write_archive(folder, archive)


def _slim_checkpoint(source: Path, target: Path) -> None:
    checkpoint = read_checkpoint(source)
    target.parent.mkdir()
    torch.save(
        {
            # Cloned: a tensor that is a view of a larger one would be saved with all of it.
            "network_weights": {
                name: tensor.detach().clone(memory_format=torch.contiguous_format)
                for name, tensor in checkpoint.weights.items()
            },
            "trainer_name": _STOCK_TRAINER,
            "init_args": {"configuration": checkpoint.configuration},
            "inference_allowed_mirroring_axes": checkpoint.mirror_axes,
        },
        target,
    )
