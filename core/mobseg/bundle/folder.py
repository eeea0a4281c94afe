"""Opens the folder of a trained nnU-Net v2 model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobseg.bundle.fields import Fields
from mobseg.bundle.label_scheme import LabelMode, LabelScheme, label_scheme
from mobseg.bundle.layout import (
    DATASET,
    METADATA,
    PLANS,
    Fold,
    fold_folder,
    model_root,
    trained_folds,
)
from mobseg.bundle.manifest import combined_sha256
from mobseg.bundle.metadata import BundleMetadata
from mobseg.bundle.plans import checked_configuration
from mobseg.bundle.variance_function import VarianceFunction
from mobseg.errors import BundleError
from mobseg.labels import LabelTable


@dataclass(frozen=True, eq=False)
class ModelFolder:
    """A trained model on disk, with everything but its weights read and checked.

    Attributes:
        path: the folder with ``dataset.json``, ``plans.json`` and the folds.
        plans: content of ``plans.json``.
        dataset_json: content of ``dataset.json``.
        configuration_name: the trained configuration, such as ``3d_fullres``.
        configuration: its plans, with everything that it inherits.
        folds: folds that have a checkpoint: numbers in order, or only ``"all"``.
        checkpoint_name: file name of the checkpoint in every fold.
        metadata: content of ``mobseg.json``; ``None`` for a plain nnU-Net model.
        label_table: foreground labels in the order of the network's outputs.
        channel_names: names of the input channels; always one.
        label_mode: ``softmax`` (background is output 0) or ``regions`` (one sigmoid per label).
        ignore_label: value of unlabelled voxels in the training data, or ``None``.
        variance_function: enlarges the variance that the networks predict, or ``None``.
    """

    path: Path
    plans: dict[str, Any]
    dataset_json: dict[str, Any]
    configuration_name: str
    configuration: dict[str, Any]
    folds: tuple[Fold, ...]
    checkpoint_name: str
    metadata: BundleMetadata | None
    label_table: LabelTable
    channel_names: tuple[str, ...]
    label_mode: LabelMode
    ignore_label: int | None
    variance_function: VarianceFunction | None

    @property
    def n_outputs(self) -> int:
        """Number of output channels of the network."""
        return len(self.label_table) + (self.label_mode == "softmax")

    @property
    def checkpoint_paths(self) -> tuple[Path, ...]:
        """The checkpoint of each fold."""
        return tuple(self.path / fold_folder(fold) / self.checkpoint_name for fold in self.folds)


def open_model_folder(path: Path) -> ModelFolder:
    """Open the folder of a trained nnU-Net v2 model, or a folder that holds exactly one.

    Raises:
        BundleError: the folder is incomplete or damaged, its checkpoint is unsafe, or the model is of a
            kind that cannot be run here.
    """
    root = model_root(path)
    dataset, plans = Fields.read(root / DATASET), Fields.read(root / PLANS)
    folds, checkpoint_name = trained_folds(root)
    name = _configuration_name(root / fold_folder(folds[0]) / checkpoint_name)
    scheme = label_scheme(dataset)
    metadata = BundleMetadata.read(root / METADATA) if (root / METADATA).exists() else None
    return ModelFolder(
        path=root,
        plans=plans.data,
        dataset_json=dataset.data,
        configuration_name=name,
        configuration=checked_configuration(plans, name),
        folds=folds,
        checkpoint_name=checkpoint_name,
        metadata=metadata,
        label_table=_label_table(scheme, metadata),
        channel_names=_channel_names(dataset),
        label_mode=scheme.mode,
        ignore_label=scheme.ignore_label,
        variance_function=VarianceFunction.from_plans(
            plans, n_labels=len(scheme.table), mode=scheme.mode
        ),
    )


def model_sha256(model: ModelFolder) -> str:
    """One SHA-256 for all that decides a model's results; the same for a folder and its bundle's copy."""
    files = [model.path / name for name in (DATASET, METADATA, PLANS)]
    return combined_sha256(
        model.path, [*(file for file in files if file.exists()), *model.checkpoint_paths]
    )


def check_networks(model: ModelFolder) -> None:
    """Build the network of every fold from its checkpoint, to see that it can be run.

    Raises:
        BundleError: a checkpoint is damaged or unsafe, its weights do not fit, or the plans name a
            network or layer that is not supported.
    """
    from mobseg.bundle.checkpoint import read_checkpoint  # noqa: PLC0415  torch is slow to import
    from mobseg.network.build import build_network  # noqa: PLC0415

    for path in model.checkpoint_paths:
        weights = read_checkpoint(path).weights
        build_network(model.configuration["architecture"], model.n_outputs, weights)


def _configuration_name(checkpoint: Path) -> str:
    """The configuration that was trained, from the checkpoint, where stock nnU-Net takes it too."""
    from mobseg.bundle.checkpoint import read_checkpoint  # noqa: PLC0415  torch is slow to import

    return read_checkpoint(checkpoint).configuration


def _channel_names(dataset: Fields) -> tuple[str, ...]:
    key = "channel_names" if "channel_names" in dataset else "modality"
    channels = dataset.child(key if key in dataset else "channel_names").data
    names = tuple(str(name) for name in channels.values())
    if len(names) != 1:
        raise BundleError(
            f"The model needs {len(names)} input channels ({', '.join(names)}), but only models for one "
            "CT image are supported."
        )
    return names


def _label_table(scheme: LabelScheme, metadata: BundleMetadata | None) -> LabelTable:
    if metadata is None:
        return scheme.table
    expected = [label.value for label in scheme.table]
    if [label.value for label in metadata.labels] != expected:
        raise BundleError(
            f"The labels in {METADATA} do not fit {DATASET}, which has the values {expected} in this "
            "order; export the bundle again."
        )
    return metadata.labels
