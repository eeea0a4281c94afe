"""Writes a network's trunk in the operations of OpenVINO.

Written here layer by layer, because OpenVINO's own converter runs the network once, which takes longer than the
windows of a small image.

Operations: https://docs.openvino.ai/2025/documentation/openvino-ir-format/operation-sets/available-opsets/opset13.html.
Importing this module fails with ``ImportError`` where OpenVINO is not installed.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from mobseg.inference.plan import Size


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Within, importing the package fails, as if it were not installed."""
    before = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if before is None:
            del sys.modules[package]
        else:
            sys.modules[package] = before


# Where it is installed, merely importing OpenVINO writes a file into the home folder and reports to its makers.
with _without("openvino_telemetry"):
    import openvino
    from openvino import opset13

__all__ = ["UnsupportedLayer", "openvino_core", "openvino_graph"]

_SPATIAL_AXES = (2, 3, 4)

#: Voxels along each axis of the blocks that are averaged at a time.
_BLOCK_SIDES = (4, 3, 2, 5, 7)


class UnsupportedLayer(Exception):
    """A layer that has no counterpart here."""


@cache
def openvino_core() -> openvino.Core:
    """The one of this process, kept to its end.

    Each sets the signal stack of the thread that makes it, and brings back the one from before when it goes.
    Two that go in the order in which they came leave the stack of the first, which is gone: the next signal,
    such as Ctrl-C, ends the process with a segmentation fault (2026.4).
    """
    return openvino.Core()


def openvino_graph(trunk: fx.GraphModule, patch_size: Size, *, is_exact: bool) -> openvino.Model:
    """The trunk as a model of one window, (1, 1, *patch_size) to (1, F, *patch_size).

    Weights of convolutions are not copied.

    Args:
        trunk: from :func:`mobseg.network.trunk.trunk_of`, in evaluation mode.
        patch_size: of the windows.
        is_exact: whether it is for float32, so that rounding below bfloat16's is worth some time.

    Raises:
        UnsupportedLayer: it cannot be expressed.
    """
    layers = _LAYERS | ({nn.InstanceNorm3d: _exact_instance_norm} if is_exact else {})
    known: dict[fx.Node, Any] = {}
    image = opset13.parameter([1, 1, *patch_size], np.float32)
    for node in trunk.graph.nodes:
        inputs = fx.node.map_arg(node.args, known.__getitem__)
        if node.op == "placeholder":
            known[node] = image
        elif node.op == "output":
            return openvino.Model([inputs[0]], [image])
        elif node.op == "call_module":
            layer = trunk.get_submodule(node.target)
            known[node] = _counterpart(layers, type(layer))(layer, *inputs)
        else:
            known[node] = _counterpart(_FUNCTIONS, node.target)(*inputs)
    raise AssertionError("a graph ends with its output")


def _counterpart(table: dict[Any, Callable[..., Any]], key: Any) -> Callable[..., Any]:
    if key not in table:
        raise UnsupportedLayer(getattr(key, "__name__", str(key)))
    return table[key]


def _convolution(layer: nn.Conv3d, x: Any) -> Any:
    if layer.groups != 1 or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        raise UnsupportedLayer("convolution with groups or unusual padding")
    padding = list(layer.padding)
    weight = _constant(layer.weight)
    y = opset13.convolution(x, weight, list(layer.stride), padding, padding, list(layer.dilation))
    return _shifted(y, layer.bias)


def _transposed_convolution(layer: nn.ConvTranspose3d, x: Any) -> Any:
    if layer.groups != 1 or any((*layer.padding, *layer.output_padding)):
        raise UnsupportedLayer("transposed convolution with groups or padding")
    weight = _constant(layer.weight)
    return _shifted(
        opset13.convolution_backprop_data(
            x, weight, list(layer.stride), dilations=list(layer.dilation)
        ),
        layer.bias,
    )


def _instance_norm(layer: nn.InstanceNorm3d, x: Any) -> Any:
    _check_instance_norm(layer)
    axes = opset13.constant(np.array(_SPATIAL_AXES))
    return _affine(opset13.mvn(x, axes, True, layer.eps, "inside_sqrt"), layer.weight, layer.bias)


def _exact_instance_norm(layer: nn.InstanceNorm3d, x: Any) -> Any:
    """The same with as many digits as in PyTorch, where OpenVINO's own has two or three fewer."""
    _check_instance_norm(layer)
    centred = opset13.subtract(x, _exact_mean(x))
    variance = _exact_mean(opset13.multiply(centred, centred))
    deviation = opset13.sqrt(opset13.add(variance, opset13.constant(np.float32(layer.eps))))
    return _affine(opset13.divide(centred, deviation), layer.weight, layer.bias)


def _check_instance_norm(layer: nn.InstanceNorm3d) -> None:
    if layer.track_running_stats:
        raise UnsupportedLayer("instance normalisation with stored statistics")


def _exact_mean(x: Any) -> Any:
    """Mean over the spatial axes, (1, C, 1, 1, 1), of means of means of small blocks.

    To add a million numbers to one sum, one by one, costs float32 its last digits.
    """
    while max(sides := [_block_side(n) for n in list(x.shape)[2:]]) > 1:
        x = _block_means(x, sides, sides)
    return opset13.reduce_mean(x, opset13.constant(np.array(_SPATIAL_AXES)), True)


def _block_side(length: int) -> int:
    return next((side for side in _BLOCK_SIDES if length % side == 0), 1)


def _block_means(x: Any, sides: list[int], stride: list[int]) -> Any:
    no_padding = [0, 0, 0]
    return opset13.avg_pool(x, stride, no_padding, no_padding, sides, exclude_pad=True)


def _batch_norm(layer: nn.BatchNorm3d, x: Any) -> Any:
    if layer.running_mean is None or layer.running_var is None:
        raise UnsupportedLayer("batch normalisation without stored statistics")
    scale = (layer.running_var + layer.eps).rsqrt()
    return _affine(_affine(x, scale, -layer.running_mean * scale), layer.weight, layer.bias)


def _mean_pool(layer: nn.AvgPool3d, x: Any) -> Any:
    kernel, stride, padding = map(_triple, (layer.kernel_size, layer.stride, layer.padding))
    if any(padding) or layer.ceil_mode or layer.divisor_override:
        raise UnsupportedLayer("pooling with padding")
    return _block_means(x, kernel, stride)


def _leaky_relu(layer: nn.LeakyReLU, x: Any) -> Any:
    return opset13.prelu(x, opset13.constant(np.array([layer.negative_slope], np.float32)))


def _unchanged(_layer: nn.Module, x: Any) -> Any:
    return x


def _concatenated(parts: tuple[Any, ...], axis: int = 0) -> Any:
    return opset13.concat(list(parts), axis)


def _affine(x: Any, weight: Tensor | None, bias: Tensor | None) -> Any:
    if weight is not None:
        x = opset13.multiply(x, _per_channel(weight))
    return _shifted(x, bias)


def _shifted(x: Any, bias: Tensor | None) -> Any:
    return x if bias is None else opset13.add(x, _per_channel(bias))


def _constant(tensor: Tensor) -> Any:
    return opset13.constant(tensor.detach().contiguous().numpy(), shared_memory=True)


def _per_channel(tensor: Tensor) -> Any:
    return _constant(tensor.reshape(1, -1, 1, 1, 1))


def _triple(value: int | tuple[int, ...]) -> list[int]:
    return [value] * 3 if isinstance(value, int) else list(value)


_LAYERS: dict[Any, Callable[..., Any]] = {
    nn.Conv3d: _convolution,
    nn.ConvTranspose3d: _transposed_convolution,
    nn.InstanceNorm3d: _instance_norm,
    nn.BatchNorm3d: _batch_norm,
    nn.AvgPool3d: _mean_pool,
    nn.LeakyReLU: _leaky_relu,
    nn.ReLU: lambda _layer, x: opset13.relu(x),
    # Nothing is left out in evaluation mode.
    nn.Dropout3d: _unchanged,
    nn.Identity: _unchanged,
}

_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    torch.cat: _concatenated,
    operator.add: opset13.add,
    operator.iadd: opset13.add,
}
