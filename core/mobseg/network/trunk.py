"""What comes before the last layer of a network, as a graph of its layers."""

from __future__ import annotations

import copy

from torch import fx, nn


def last_layer(network: nn.Module) -> nn.Module:
    """The layer that turns features at full resolution into logits."""
    layer = network.get_submodule("decoder").get_submodule("seg_layers")
    assert isinstance(layer, nn.ModuleList)
    return layer[-1]


def without_last_layer(network: nn.Module) -> nn.Module:
    """The network with the input of its last layer as its output; it shares the other layers."""
    decoder = _copy(network.get_submodule("decoder"))
    layers = decoder.get_submodule("seg_layers")
    assert isinstance(layers, nn.ModuleList)
    decoder.add_module("seg_layers", nn.ModuleList([*layers[:-1], nn.Identity()]))
    twin = _copy(network)
    twin.add_module("decoder", decoder)
    return twin


def _copy(module: nn.Module) -> nn.Module:
    """A copy with the same parts in a table of its own."""
    twin = copy.copy(module)
    twin._modules = module._modules.copy()
    return twin


def trunk_of(network: nn.Module) -> fx.GraphModule:
    """A module that maps the input (B, 1, Z, Y, X) to the input of the last layer, (B, F, Z, Y, X).

    It shares the layers of the network.

    Args:
        network: one of :data:`mobseg.network.build.NETWORKS`, without deep supervision.
    """
    last = last_layer(network)
    graph = _UpTo(last).trace(network)
    call = next(
        node
        for node in graph.nodes
        if node.op == "call_module" and network.get_submodule(node.target) is last
    )
    call.replace_all_uses_with(call.args[0])
    graph.erase_node(call)
    return fx.GraphModule(network, graph)


class _UpTo(fx.Tracer):
    """Follows the calls of a network without looking into one layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self._layer = layer

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is a node of its own."""
        return m is self._layer or super().is_leaf_module(m, module_qualified_name)
