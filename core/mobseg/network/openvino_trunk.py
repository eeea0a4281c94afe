"""A network whose trunk is computed by OpenVINO; its last layer stays what it is, in PyTorch."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, fx, nn

from mobseg.inference.plan import Size
from mobseg.network.build import NETWORKS
from mobseg.network.trunk import last_layer, trunk_of

#: PyTorch's number formats in OpenVINO's words.
_PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16"}


class OpenVinoError(Exception):
    """OpenVINO cannot take over the network; the text says why."""


def on_openvino(network: nn.Module, patch_size: Size, precision: torch.dtype) -> nn.Module:
    """The network, with everything before its last layer compiled for this CPU.

    It shares last layer and weights with the given one, is of the same class, and gives the same output but
    for rounding. Where OpenVINO fails later, PyTorch goes on.

    Args:
        network: on the CPU and in evaluation mode.
        patch_size: of the windows; larger batches than one window, and other sizes, go through PyTorch.
        precision: in which OpenVINO computes; what it gives is float32.

    Raises:
        OpenVinoError: it is not installed, or does not support the network.
    """
    if not isinstance(network, tuple(NETWORKS.values())):
        raise OpenVinoError(f"it was not taught the network {type(network).__name__}")
    trunk = trunk_of(network)
    request = _compile(trunk, patch_size, precision)
    twin = copy.copy(network)
    # The copy shares its table of parts with the original.
    twin._modules = network._modules.copy()
    twin.add_module("encoder", OpenVinoTrunk(trunk, request, patch_size))
    twin.add_module("decoder", _LastLayer(last_layer(network)))
    return twin


def uses_openvino(network: nn.Module) -> bool:
    """Whether the network is from :func:`on_openvino`, and OpenVINO has not failed."""
    trunk = getattr(network, "encoder", None)
    return isinstance(trunk, OpenVinoTrunk) and not trunk.has_failed


class OpenVinoTrunk(nn.Module):
    """Maps windows (B, 1, Z, Y, X) to features (B, F, Z, Y, X), float32.

    The features of a window are in memory that the next one overwrites.

    Args:
        in_pytorch: the same in PyTorch, for whatever OpenVINO cannot do.
        request: OpenVINO's, of one window.
        patch_size: of that window.
    """

    def __init__(self, in_pytorch: fx.GraphModule, request: Any, patch_size: Size) -> None:
        super().__init__()
        self._in_pytorch = in_pytorch
        self._request = request
        self._shape = (1, 1, *patch_size)

    @property
    def has_failed(self) -> bool:
        """Whether OpenVINO failed, so that PyTorch computes everything from then on."""
        return self._request is None

    def forward(self, x: Tensor) -> Tensor:
        """The features of the last layer."""
        if self._request is not None and x.shape == self._shape:
            try:
                self._request.infer([x.contiguous().numpy()], share_inputs=True)
                return torch.from_numpy(self._request.get_output_tensor(0).data)
            except (RuntimeError, MemoryError):
                # Its memory is free for PyTorch.
                self._request = None
        features: Tensor = self._in_pytorch(x)
        return features


class _LastLayer(nn.Module):
    """A decoder of which only the last layer is left; that has its usual name."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.seg_layers = nn.ModuleList([layer])

    def forward(self, features: Tensor) -> Any:
        return self.seg_layers[-1](features)


def _compile(trunk: fx.GraphModule, patch_size: Size, precision: torch.dtype) -> Any:
    try:
        from mobseg.network.openvino_graph import (  # noqa: PLC0415  takes a quarter of a second, and is optional
            UnsupportedLayer,
            openvino_core,
            openvino_graph,
        )
    except ImportError as error:
        raise OpenVinoError("it is not installed") from error
    # Everything that a computer's own settings could change in the result is stated.
    settings = {
        "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        # Threads may leave a processor that another program takes.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        graph = openvino_graph(trunk, patch_size, is_exact=precision == torch.float32)
        compiled = openvino_core().compile_model(graph, "CPU", settings)
        request = compiled.create_infer_request()
        actual = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    except UnsupportedLayer as error:
        raise OpenVinoError(f"it was not taught the layer {error}") from error
    except (RuntimeError, MemoryError) as error:
        raise OpenVinoError("it could not compile the network") from error
    if actual != _PRECISIONS[precision]:
        raise OpenVinoError(f"it does not compute in {precision} on this processor")
    return request
