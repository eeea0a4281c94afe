"""One window of nnU-Net's ResEncL network on the CPU: as stock runs it, and as mobseg does."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
from torch import nn

from mobseg.allocator import reused_memory

_FEATURES = (32, 64, 128, 256, 320, 320)
_BLOCKS = (1, 3, 4, 6, 6, 6)


def measure(*, patch: int, repeats: int) -> dict[str, Any]:
    """Wall and CPU seconds of one forward pass; the ways alternate.

    Args:
        patch: voxels along each axis of the window.
        repeats: timed passes of each way, each after one for warming up.
    """
    torch.manual_seed(0)
    network = _resenc_l()
    x = torch.randn(1, 1, patch, patch, patch)
    ways: dict[str, tuple[Callable[[], AbstractContextManager[None]], torch.dtype]] = {
        "stock": (contextlib.nullcontext, torch.float32),
        "mobseg float32": (reused_memory, torch.float32),
        "mobseg bfloat16": (reused_memory, torch.bfloat16),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, (memory, precision) in ways.items():
            with memory(), torch.no_grad():
                # Windows follow each other: the first one takes the memory, the others use it again.
                _forward(network, x, precision)
                wall, cpu = time.perf_counter(), time.process_time()
                _forward(network, x, precision)
                seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    least = min(cpu for _, cpu in seconds["stock"])
    return {
        "patch": patch,
        "n": repeats,
        **{
            name: {
                "median_seconds": statistics.median(wall for wall, _ in values),
                "least_cpu_seconds": min(cpu for _, cpu in values),
                "ratio_cpu": min(cpu for _, cpu in values) / least,
            }
            for name, values in seconds.items()
        },
    }


def _forward(network: nn.Module, x: torch.Tensor, precision: torch.dtype) -> None:
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        network(x)


def _resenc_l() -> nn.Module:
    return ResidualEncoderUNet(
        input_channels=1,
        n_stages=len(_FEATURES),
        features_per_stage=_FEATURES,
        conv_op=nn.Conv3d,
        kernel_sizes=3,
        strides=(1, 2, 2, 2, 2, 2),
        n_blocks_per_stage=_BLOCKS,
        num_classes=2,
        n_conv_per_stage_decoder=(1,) * (len(_FEATURES) - 1),
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
    ).eval()
