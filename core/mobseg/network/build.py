"""Builds the network that a model folder describes, without running anything that it names.

Stock nnU-Net imports whatever class path the plans hold. A folder from elsewhere is data, so only the
networks and layers below are accepted.
"""

from __future__ import annotations

from typing import Any

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import Tensor, nn

from mobseg.errors import BundleError, InvalidInput
from mobseg.network.unet import NETWORK_CLASS_NAME, StochasticResidualEncoderUNet

_PREFIX = "dynamic_network_architectures.architectures.unet."

NETWORKS: dict[str, type[nn.Module]] = {
    NETWORK_CLASS_NAME: StochasticResidualEncoderUNet,
    f"{_PREFIX}ResidualEncoderUNet": ResidualEncoderUNet,
    f"{_PREFIX}PlainConvUNet": PlainConvUNet,
}

LAYERS: dict[str, type[nn.Module]] = {
    "torch.nn.modules.conv.Conv3d": nn.Conv3d,
    "torch.nn.modules.instancenorm.InstanceNorm3d": nn.InstanceNorm3d,
    "torch.nn.modules.batchnorm.BatchNorm3d": nn.BatchNorm3d,
    "torch.nn.modules.dropout.Dropout3d": nn.Dropout3d,
    "torch.nn.LeakyReLU": nn.LeakyReLU,
    "torch.nn.modules.activation.LeakyReLU": nn.LeakyReLU,
    "torch.nn.ReLU": nn.ReLU,
    "torch.nn.modules.activation.ReLU": nn.ReLU,
}


def build_network(
    architecture: dict[str, Any], heads: int, weights: dict[str, Tensor]
) -> nn.Module:
    """The network in evaluation mode, on the CPU.

    The network is built without memory and takes over copies of the given tensors, so nothing is initialised
    in vain.

    Args:
        architecture: ``architecture`` of a configuration in the plans.
        heads: output channels.
        weights: state dict.

    Raises:
        BundleError: a network or layer that is not supported, or weights that do not fit.
    """
    name = architecture["network_class_name"]
    if name not in NETWORKS:
        raise BundleError(
            f"Models of the network {name} are not supported; use one of {', '.join(NETWORKS)}."
        )
    keywords = dict(architecture["arch_kwargs"])
    for key in architecture["_kw_requires_import"]:
        if keywords.get(key) is not None:
            keywords[key] = _layer(keywords[key])
    try:
        with torch.device("meta"):
            network = NETWORKS[name](
                input_channels=1, num_classes=heads, deep_supervision=False, **keywords
            )
    except (TypeError, ValueError, AssertionError, InvalidInput) as error:
        raise BundleError(
            f"The model's plans do not describe a network ({error}); obtain the model again."
        ) from error
    _take_over(network, weights)
    return network.eval()


def _layer(name: str) -> type[nn.Module]:
    if name not in LAYERS:
        raise BundleError(
            f"Models with layers of type {name} are not supported; use one of {', '.join(LAYERS)}."
        )
    return LAYERS[name]


def _take_over(network: nn.Module, weights: dict[str, Tensor]) -> None:
    # Compiled networks are saved with this prefix, bundles in float16. Copied, because a tensor that is
    # mapped from the file would change, or crash the process, when the file is written anew.
    plain = {
        name.removeprefix("_orig_mod."): tensor.to(torch.float32, copy=True)
        for name, tensor in weights.items()
    }
    try:
        network.load_state_dict(plain, strict=True, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise BundleError(
            f"The model's weights do not fit its plans ({reason}); obtain the model again."
        ) from error
