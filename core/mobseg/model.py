"""A model that is ready to run: networks on a device, and what their outputs mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from mobseg.bundle.checkpoint import read_checkpoint
from mobseg.bundle.folder import ModelFolder, model_sha256
from mobseg.bundle.metadata import DETERMINISTIC, BundleMetadata
from mobseg.bundle.store import resolve_model
from mobseg.bundle.variance_function import VarianceFunction
from mobseg.covariance import LogitDistribution, StochasticHead
from mobseg.covariance.basis_form import covariance_form
from mobseg.covariance.deterministic import DeterministicHead
from mobseg.covariance.form import CovarianceForm
from mobseg.device import choose_device
from mobseg.inference.plan import InferencePlan
from mobseg.inference.sliding_window import MomentFn
from mobseg.labels import LabelTable
from mobseg.network.build import build_network
from mobseg.network.openvino_trunk import on_openvino
from mobseg.network.trunk import last_layer, without_last_layer
from mobseg.network.unet import StochasticResidualEncoderUNet
from mobseg.projections import (
    Coordinates,
    centred_coordinates,
    coordinates_for,
    logit_coordinates,
)
from mobseg.slabs import Slabwise

#: Numbers of the moments of windows that are computed at a time, for more than two classes: 64 MB.
_SLAB_VALUES = 16_000_000


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in memory.

    Attributes:
        folder: what was loaded.
        plan: how images are prepared for it.
        networks: one for each fold, in evaluation mode, on ``device``.
        mirror_axes: network axes along which it may be mirrored.
        coordinates: what the moments of its logits are of.
        device: where it runs.
    """

    folder: ModelFolder
    plan: InferencePlan
    networks: tuple[nn.Module, ...]
    mirror_axes: tuple[int, ...]
    coordinates: Coordinates
    device: torch.device

    @property
    def id(self) -> str:
        """Short name; the folder's own for a plain nnU-Net model."""
        return self.metadata.id if self.metadata else self.folder.path.name

    @property
    def name(self) -> str:
        """Name for people."""
        return self.metadata.name if self.metadata else self.folder.path.name

    @cached_property
    def sha256(self) -> str:
        """Of the files it was loaded from, see :func:`mobseg.bundle.folder.model_sha256`."""
        return model_sha256(self.folder)

    @property
    def metadata(self) -> BundleMetadata | None:
        """Content of ``mobseg.json``; ``None`` for a plain nnU-Net model."""
        return self.folder.metadata

    @property
    def labels(self) -> LabelTable:
        """Labels with the terminology of the bundle, where it has one."""
        return self.metadata.labels if self.metadata else self.folder.label_table

    @property
    def parameterisation(self) -> str:
        """Name in :mod:`mobseg.covariance`."""
        network = self.networks[0]
        if isinstance(network, StochasticResidualEncoderUNet):
            return network.head.parameterisation
        return DETERMINISTIC

    @cached_property
    def form(self) -> CovarianceForm | None:
        """What stands for the covariance of more than two classes; ``None`` for fewer and for regions."""
        if self.coordinates != "centred":
            return None
        heads = [
            network.head
            for network in self.networks
            if isinstance(network, StochasticResidualEncoderUNet)
        ]
        return covariance_form(heads, self.plan.num_heads)

    @property
    def is_stochastic(self) -> bool:
        """Whether it predicts a variance."""
        return self.parameterisation != DETERMINISTIC

    @property
    def variance_function(self) -> VarianceFunction | None:
        """Enlarges the variance that the networks predict; ``None`` leaves it as it is."""
        return self.folder.variance_function

    def moment_fns(self, precision: torch.dtype = torch.float32) -> list[MomentFn]:
        """One function per fold: windows to the mean of the logit coordinates and their variance, in slabs.

        With a :attr:`form` they give its factors instead of the variance.

        Args:
            precision: in which the backbone computes; the head's covariance is always float32.
        """
        return [
            self._moment_fn(network, fold, precision) for fold, network in enumerate(self.networks)
        ]

    def on_openvino(self, precision: torch.dtype) -> LoadedModel:
        """This model with its networks compiled by OpenVINO, kept for the next call.

        Args:
            precision: in which they compute.

        Raises:
            OpenVinoError: they cannot be.
        """
        if precision not in self._compiled:
            # At most one is kept: each holds the weights once more.
            self._compiled.clear()
            networks = tuple(
                on_openvino(network, self.plan.patch_size, precision) for network in self.networks
            )
            self._compiled[precision] = replace(self, networks=networks)
        return self._compiled[precision]

    def move_to_cpu(self) -> None:
        """Move the networks; the functions of :meth:`moment_fns` follow."""
        for network in self.networks:
            network.cpu()

    @cached_property
    def _compiled(self) -> dict[torch.dtype, LoadedModel]:
        return {}

    def _moment_fn(self, network: nn.Module, fold: int, precision: torch.dtype) -> MomentFn:
        trunk, last = without_last_layer(network), last_layer(network)
        head = last if isinstance(last, StochasticHead) else DeterministicHead(last)
        is_reduced = precision != torch.float32

        def moments(x: Tensor) -> Slabwise[tuple[Tensor, ...]]:
            with torch.autocast(x.device.type, precision, enabled=is_reduced):
                features = trunk(x)
            distributions = head.by_slabs(features, self._slab_thickness(x))
            return distributions.map(partial(self._coordinates_of, fold=fold))

        return moments

    def _coordinates_of(self, distribution: LogitDistribution, fold: int) -> tuple[Tensor, ...]:
        if self.form is not None:
            return centred_coordinates(distribution, self.form, fold)
        return logit_coordinates(distribution, self.coordinates)

    def _slab_thickness(self, x: Tensor) -> int:
        """Planes of windows (B, 1, Z, Y, X) whose moments are computed at a time."""
        if self.form is None:
            return x.shape[2]
        numbers = self.form.classes + self.form.channels
        return max(1, _SLAB_VALUES // (numbers * x[:, :, 0].numel()))


def load_model(model: str | Path | None = None, *, device: str = "auto") -> LoadedModel:
    """Load a model.

    Args:
        model: id of an installed or shipped model, a model folder, or a bundle; ``None`` for the model
            that ships with mobseg.
        device: see :func:`mobseg.device.choose_device`.

    Raises:
        BundleError: there is no such model, or it is damaged, unsafe or unsupported.
        DeviceError: the device is not on this machine.
    """
    chosen = choose_device(device)
    return load_folder(resolve_model(model), chosen)


def load_folder(folder: ModelFolder, device: torch.device) -> LoadedModel:
    """Load the networks of a model folder onto ``device``."""
    checkpoints = [read_checkpoint(path) for path in folder.checkpoint_paths]
    architecture = folder.configuration["architecture"]
    networks = tuple(
        build_network(architecture, folder.n_outputs, checkpoint.weights).to(device)
        for checkpoint in checkpoints
    )
    return LoadedModel(
        folder=folder,
        plan=InferencePlan.from_plans(folder.plans, folder.dataset_json, folder.configuration_name),
        networks=networks,
        mirror_axes=checkpoints[0].mirror_axes or (),
        coordinates=coordinates_for(folder.n_outputs, regions=folder.label_mode == "regions"),
        device=device,
    )
