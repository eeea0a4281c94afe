"""nnU-Net's ``ResidualEncoderUNet`` with its last segmentation layer replaced by a stochastic head.

The class is named in the plans (``network_class_name``), so stock nnU-Net builds it from the model
folder alone, and gets the mean logits from it.
"""

from __future__ import annotations

from typing import Any

from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
from torch import Tensor, nn

from mobseg.covariance import HeadSettings, LogitDistribution, StochasticHead, build_head

#: What the plans name; stock nnU-Net imports it from there.
NETWORK_CLASS_NAME = "mobseg.network.unet.StochasticResidualEncoderUNet"

#: Class of the converged base model.
BASE_CLASS_NAME = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"


class StochasticResidualEncoderUNet(ResidualEncoderUNet):  # type: ignore[misc]
    """Residual encoder U-Net whose last layer predicts a distribution.

    Called like any network it returns the mean logits; :meth:`distribution` returns the distribution.

    Args:
        *arguments: of ``ResidualEncoderUNet``.
        head: arguments of :class:`mobseg.covariance.HeadSettings`.
        **keywords: of ``ResidualEncoderUNet``.
    """

    def __init__(self, *arguments: Any, head: dict[str, Any], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        layers = self.decoder.seg_layers
        mean = layers[-1]
        layers[-1] = build_head(
            HeadSettings(**head),
            mean,
            self.encoder.conv_op,
            features=mean.in_channels,
            classes=mean.out_channels,
        )

    @property
    def head(self) -> StochasticHead:
        """The last layer."""
        head: StochasticHead = self.decoder.seg_layers[-1]
        return head

    def distribution(self, x: Tensor) -> LogitDistribution:
        """Distribution of the logits at full resolution.

        Args:
            x: (B, 1, Z, Y, X) normalised image; deep supervision must be off.
        """
        self.head.returns_distribution = True
        try:
            distribution: LogitDistribution = self(x)
        finally:
            self.head.returns_distribution = False
        return distribution

    @staticmethod
    def initialize(module: nn.Module) -> None:
        """nnU-Net's initialisation; a head undoes it for its own layers, which start small."""
        ResidualEncoderUNet.initialize(module)
        if isinstance(module, StochasticHead):
            module.initialise()


def weights_from_base(base: dict[str, Tensor], network: StochasticResidualEncoderUNet) -> None:
    """Copy the weights of a converged base model; the new layers of the head keep their start.

    Args:
        base: state dict of the ``ResidualEncoderUNet`` with the same plans.
        network: receives the weights.

    Raises:
        RuntimeError: the weights do not fit the network.
    """
    last = f"decoder.seg_layers.{len(network.decoder.seg_layers) - 1}."
    renamed = {
        name.replace(last, f"{last}mean.") if name.startswith(last) else name: tensor
        for name, tensor in base.items()
    }
    missing, unexpected = network.load_state_dict(renamed, strict=False)
    stray = [
        name for name in missing if not name.startswith(last) or name.startswith(f"{last}mean.")
    ]
    if stray or unexpected:
        raise RuntimeError(f"missing {stray[:3]}, unexpected {unexpected[:3]}")


def stochastic_plans(
    plans: dict[str, Any], configuration: str, head: HeadSettings
) -> dict[str, Any]:
    """The base model's plans with the stochastic network in one configuration; the rest is shared."""
    architecture = plans["configurations"][configuration]["architecture"]
    keywords = {**architecture["arch_kwargs"], "head": head.to_dict()}
    changed = {**architecture, "network_class_name": NETWORK_CLASS_NAME, "arch_kwargs": keywords}
    configurations = {
        **plans["configurations"],
        configuration: {**plans["configurations"][configuration], "architecture": changed},
    }
    return {**plans, "configurations": configurations}
