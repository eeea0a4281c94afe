"""A model whose backbone runs in bfloat16, as in training, where the CPU multiplies it in hardware.

A comparison measures dozens of models, and float32 takes several times as long. Heads, variances and all
that follows stay in float32.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from mobseg.inference.sliding_window import MomentFn
from mobseg.model import LoadedModel
from mobseg.network.unet import StochasticResidualEncoderUNet
from mobseg.projections import logit_coordinates


def in_bfloat16(model: LoadedModel) -> LoadedModel:
    """The model with a faster backbone on such CPUs, and the model itself elsewhere."""
    is_faster = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    if model.device.type != "cpu" or not is_faster:
        return model
    values = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    return _Bfloat16Model(**values)


class _Bfloat16Model(LoadedModel):
    def moment_fns(self) -> list[MomentFn]:
        exact = super().moment_fns()
        return [
            self._stochastic(network)
            if isinstance(network, StochasticResidualEncoderUNet)
            else _autocast(fn)
            for network, fn in zip(self.networks, exact, strict=True)
        ]

    def _stochastic(self, network: StochasticResidualEncoderUNet) -> MomentFn:
        def moments(x: Tensor) -> tuple[Tensor, Tensor]:
            with torch.autocast("cpu", torch.bfloat16):
                distribution = network.distribution(x)
            return logit_coordinates(distribution, self.coordinates)

        return moments


def _autocast(fn: MomentFn) -> MomentFn:
    """A plain network's logits become float32 before anything is computed from them."""

    def moments(x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            return fn(x)

    return moments
