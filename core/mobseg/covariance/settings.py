"""What a head is made from, and how it is built."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import nn

from mobseg.covariance.base import StochasticHead
from mobseg.covariance.deterministic import DeterministicHead
from mobseg.covariance.diagonal import DiagonalHead
from mobseg.covariance.low_rank import LowRankHead
from mobseg.covariance.mixture_of_bases import (
    MixtureOfBasesHead,
    MixtureOfBlocksHead,
    Selection,
    WeightHead,
)
from mobseg.covariance.single_basis import SingleBasisHead
from mobseg.errors import InvalidInput

#: ``small``: close to the base model; ``released``: see :mod:`mobseg.covariance.released`.
Start = Literal["small", "released"]

#: Name -> head, in the order of the paper's tables.
PARAMETERISATIONS: dict[str, type[StochasticHead]] = {
    head.parameterisation: head
    for head in (
        DeterministicHead,
        DiagonalHead,
        LowRankHead,
        SingleBasisHead,
        MixtureOfBasesHead,
        MixtureOfBlocksHead,
    )
}


@dataclass(frozen=True)
class HeadSettings:
    """Everything that shapes a head; stored in the plans as arguments of the network.

    Attributes:
        parameterisation: a key of :data:`PARAMETERISATIONS`.
        rank: R, 16 in the paper.
        bases: M, 3 in the paper.
        cells: P, cells along each axis of a patch; 4 in the released code.
        weight_head: second layer of the W head.
        selection: how W becomes a basis.
        start: of everything but the mean.
        dropout: share of the features that are left out while training.

    Raises:
        InvalidInput: unknown parameterisation, a size below one, or a share outside [0, 1).
    """

    parameterisation: str
    rank: int = 16
    bases: int = 3
    cells: int = 4
    weight_head: WeightHead = "convolution"
    selection: Selection = "soft"
    start: Start = "small"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.parameterisation not in PARAMETERISATIONS:
            raise InvalidInput(
                f"There is no parameterisation {self.parameterisation!r}; "
                f"choose one of {', '.join(PARAMETERISATIONS)}."
            )
        if min(self.rank, self.bases, self.cells) < 1:
            raise InvalidInput(
                f"Rank, bases and cells must be at least 1, got {self.rank}, {self.bases}, {self.cells}."
            )
        if not 0 <= self.dropout < 1:
            raise InvalidInput(f"The share of dropout must be in [0, 1), got {self.dropout}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def build_head(
    settings: HeadSettings, mean: nn.Module, conv: type[nn.Module], features: int, classes: int
) -> StochasticHead:
    """Build the head around the base model's last layer.

    Args:
        settings: the parameterisation and its sizes.
        mean: the layer that gives the mean logits; kept as it is.
        conv: convolution class of the network.
        features: channels of the last decoder stage.
        classes: C.
    """
    head = PARAMETERISATIONS[settings.parameterisation]
    if issubclass(head, DeterministicHead):
        deterministic = head(mean)
        deterministic.dropout = settings.dropout
        return deterministic
    sizes: dict[str, Any] = {}
    if not issubclass(head, DiagonalHead):
        sizes["rank"] = settings.rank
    if issubclass(head, MixtureOfBasesHead):
        sizes |= {
            "bases": settings.bases,
            "cells": settings.cells,
            "weight_head": settings.weight_head,
            "selection": settings.selection,
        }
    built: StochasticHead = head(mean, conv, features, classes, **sizes)  # type: ignore[call-arg]
    built.dropout = settings.dropout
    built.starts_as_released = settings.start == "released"
    # A network without memory takes over weights; filling it would load PyTorch's compiler, for a second.
    if not any(parameter.is_meta for parameter in built.parameters()):
        built.initialise()
    return built
