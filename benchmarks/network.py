"""One window of nnU-Net's ResEncL network on the CPU: as stock runs it, and as mobseg does.

With OpenVINO where it is installed: compiled before, which is timed on its own.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
from torch import nn

from mobseg.allocator import reused_memory
from mobseg.network.openvino_trunk import on_openvino

_FEATURES = (32, 64, 128, 256, 320, 320)
_BLOCKS = (1, 3, 4, 6, 6, 6)


@dataclass(frozen=True)
class Way:
    """A way to run the network.

    Attributes:
        network: what is called.
        precision: of PyTorch's part of it.
        memory: in which context.
        compile_seconds: CPU time that it took to be ready.
    """

    network: nn.Module
    precision: torch.dtype = torch.float32
    memory: Callable[[], AbstractContextManager[None]] = reused_memory
    compile_seconds: float = 0.0

    @torch.no_grad()
    def run(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        with torch.autocast("cpu", self.precision, enabled=self.precision != torch.float32):
            logits: torch.Tensor = self.network(x)
        return logits.float()


def measure(*, patch: int, repeats: int) -> dict[str, Any]:
    """Wall and CPU seconds of one forward pass; the ways alternate.

    Args:
        patch: voxels along each axis of the window.
        repeats: timed passes of each way, each after one for warming up.
    """
    torch.manual_seed(0)
    network = _resenc_l()
    x = torch.randn(1, 1, patch, patch, patch)
    ways = {
        "stock": Way(network, memory=contextlib.nullcontext),
        "mobseg float32": Way(network),
        "mobseg bfloat16": Way(network, torch.bfloat16),
    }
    if find_spec("openvino"):
        on_openvino(network, (patch,) * 3, torch.float32)  # imports it
        ways["openvino float32"] = _compiled(network, patch, torch.float32)
        ways["openvino bfloat16"] = _compiled(network, patch, torch.bfloat16)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    difference = {}
    for _ in range(repeats):
        for name, way in ways.items():
            with way.memory():
                # Windows follow each other: the first one takes the memory, the others use it again.
                logits = way.run(x)
                wall, cpu = time.perf_counter(), time.process_time()
                way.run(x)
                seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
                if name == "stock":
                    expected = logits
                difference[name] = float((logits - expected).abs().max())
    least = min(cpu for _, cpu in seconds["stock"])
    return {
        "patch": patch,
        "n": repeats,
        **{
            name: {
                "median_seconds": statistics.median(wall for wall, _ in values),
                "least_cpu_seconds": min(cpu for _, cpu in values),
                "ratio_cpu": min(cpu for _, cpu in values) / least,
                "largest_difference_of_logits": difference[name],
                "compile_cpu_seconds": ways[name].compile_seconds,
            }
            for name, values in seconds.items()
        },
    }


def _compiled(network: nn.Module, patch: int, precision: torch.dtype) -> Way:
    start = time.process_time()
    compiled = on_openvino(network, (patch,) * 3, precision)
    # The last layer stays in float32.
    return Way(compiled, compile_seconds=time.process_time() - start)


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
