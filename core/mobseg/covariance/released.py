"""The start of the released code's heads: PyTorch's own for every layer, and bases of fixed scale.

The variance therefore starts at about 1 + |B a|^2 instead of 0.14, so that the first steps of a fine-tuning
are far from the base model.
"""

from __future__ import annotations

from torch import nn

#: Standard deviation of the entries of the bases of Mixture-of-Bases.
BASES_STD = 1.0

#: Standard deviation of the entries of the basis of Single-Basis.
BASIS_STD = 0.02


def reset_as_released(head: nn.Module) -> None:
    """Initialise everything of a head but the layer that gives the mean.

    Args:
        head: a :class:`mobseg.covariance.base.StochasticHead`.
    """
    for name, layer in head.named_modules():
        if name and not name.startswith("mean") and hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    for name, parameter in head.named_parameters(recurse=False):
        nn.init.normal_(parameter, std=BASES_STD if name == "bases" else BASIS_STD)
