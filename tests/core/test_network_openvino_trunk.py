"""Networks with OpenVINO, layer by layer the same as in PyTorch, and PyTorch wherever that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

from mobseg.covariance import HeadSettings
from mobseg.network.openvino_trunk import OpenVinoError, on_openvino, uses_openvino
from mobseg.network.trunk import last_layer, trunk_of, without_last_layer
from mobseg.network.unet import StochasticResidualEncoderUNet

pytest.importorskip(
    "mobseg.network.openvino_graph", reason="OpenVINO is not installed", exc_type=ImportError
)

PATCH = (16, 24, 32)
INSTANCE = {"norm_op": nn.InstanceNorm3d, "norm_op_kwargs": {"eps": 1e-5, "affine": True}}
BATCH = {"norm_op": nn.BatchNorm3d, "norm_op_kwargs": {"eps": 1e-3}}
LEAKY = {"nonlin": nn.LeakyReLU, "nonlin_kwargs": {"inplace": True}}
DROPOUT = {"dropout_op": nn.Dropout3d, "dropout_op_kwargs": {"p": 0.5}}

#: The kinds of networks that model folders may describe.
NETWORKS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "residual": (ResidualEncoderUNet, {**INSTANCE, **LEAKY}),
    "residual with batch normalisation": (ResidualEncoderUNet, {**BATCH, "nonlin": nn.ReLU}),
    "residual without normalisation": (ResidualEncoderUNet, {"norm_op": None, **LEAKY}),
    "plain with dropout": (PlainConvUNet, {**INSTANCE, **LEAKY, **DROPOUT}),
    "stochastic": (
        StochasticResidualEncoderUNet,
        {**INSTANCE, **LEAKY, "head": HeadSettings("mixture_of_bases", rank=4, cells=2).to_dict()},
    ),
}


def _network(kind: str = "residual", **changed: Any) -> nn.Module:
    """A network with visible values in every parameter and stored statistic."""
    network_class, keywords = NETWORKS[kind]
    blocks = "n_conv_per_stage" if network_class is PlainConvUNet else "n_blocks_per_stage"
    settings = {
        "input_channels": 1,
        "n_stages": 3,
        "features_per_stage": (4, 8, 12),
        "conv_op": nn.Conv3d,
        "kernel_sizes": ((1, 3, 3), (3, 3, 3), (3, 3, 3)),
        "strides": ((1, 1, 1), (1, 2, 2), (2, 2, 2)),
        blocks: 2,
        "num_classes": 3,
        "n_conv_per_stage_decoder": 1,
        "conv_bias": True,
        "deep_supervision": False,
    }
    torch.manual_seed(0)
    network = network_class(**settings, **(keywords | changed)).eval()
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        if tensor.ndim == 1:
            tensor.data.uniform_(0.5, 1.5)
            if "bias" in name or "mean" in name:
                tensor.data.sub_(1)
    return network


def _image(batch: int = 1, size: tuple[int, int, int] = PATCH) -> torch.Tensor:
    return torch.randn(batch, 1, *size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", NETWORKS)
@torch.no_grad()
def test_every_kind_of_network_gives_the_same_logits(kind: str) -> None:
    network = _network(kind)
    compiled = on_openvino(network, PATCH, torch.float32)
    assert uses_openvino(compiled)
    assert not uses_openvino(network)
    expected, found = network(_image()), compiled(_image())
    assert expected.std() > 0.1
    assert (found - expected).abs().max() < 1e-3
    assert uses_openvino(compiled)  # else PyTorch had computed it


@torch.no_grad()
def test_normalisation_keeps_the_digits_of_float32_in_large_windows() -> None:
    """OpenVINO's own loses them: it adds all voxels of a channel to one sum."""
    patch = (48, 64, 88)
    network = _network().double()
    image = _image(size=patch)
    expected = network(image.double())
    found = on_openvino(network.float(), patch, torch.float32)(image)
    assert (found - expected).abs().max() < 2e-5 * expected.std()


@torch.no_grad()
def test_the_head_is_the_same_and_gives_the_same_distribution() -> None:
    network = _network("stochastic")
    compiled = on_openvino(network, PATCH, torch.float32)
    assert isinstance(compiled, StochasticResidualEncoderUNet)
    assert compiled.head is network.head
    expected = network.distribution(_image()).voxel_covariance()
    found = compiled.distribution(_image()).voxel_covariance()
    assert (found - expected).abs().max() < 1e-3 * expected.max()


@torch.no_grad()
def test_lower_precision_is_close_and_its_features_are_float32() -> None:
    network = _network()
    expected = network(_image())
    compiled = on_openvino(network, PATCH, torch.bfloat16)
    assert compiled.encoder(_image()).dtype == torch.float32
    assert torch.equal(without_last_layer(compiled)(_image()), compiled.encoder(_image()))
    assert 1e-4 < (compiled(_image()) - expected).abs().max() < 0.2


@torch.no_grad()
def test_the_trunk_ends_before_the_last_layer() -> None:
    network = _network()
    features = trunk_of(network)(_image())
    assert features.shape == (1, 4, *PATCH)
    assert torch.equal(last_layer(network)(features), network(_image()))


@pytest.mark.parametrize(("batch", "size"), [(2, PATCH), (1, (16, 32, 32))])
@torch.no_grad()
def test_other_batches_and_sizes_go_through_pytorch(batch: int, size: tuple[int, int, int]) -> None:
    network = _network()
    compiled = on_openvino(network, PATCH, torch.float32)
    assert torch.equal(compiled(_image(batch, size)), network(_image(batch, size)))
    assert uses_openvino(compiled)


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
@torch.no_grad()
def test_pytorch_goes_on_where_openvino_fails(error: type[Exception]) -> None:
    class Failing:
        def infer(self, *_arguments: Any, **_keywords: Any) -> None:
            raise error

    network = _network()
    compiled = on_openvino(network, PATCH, torch.float32)
    compiled.encoder._request = Failing()
    assert torch.equal(compiled(_image()), network(_image()))
    assert not uses_openvino(compiled)
    assert torch.equal(compiled(_image()), network(_image()))


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (nn.Identity(), "was not taught the network Identity"),
        (_network(nonlin=nn.GELU, nonlin_kwargs={}), "was not taught the layer GELU"),
        (
            _network(norm_op_kwargs={"track_running_stats": True}),
            "was not taught the layer instance normalisation with stored statistics",
        ),
    ],
)
def test_what_is_not_supported_is_refused(network: nn.Module, reason: str) -> None:
    with pytest.raises(OpenVinoError, match=reason):
        on_openvino(network, PATCH, torch.float32)


def test_openvino_reports_nothing_to_its_makers(tmp_path: Path) -> None:
    """OpenVINO imports this package, if it is there, and has it send a message."""
    package = tmp_path / "openvino_telemetry"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('OpenVINO loaded its telemetry')")
    program = (
        "import mobseg.network.openvino_graph, importlib.util\n"
        "assert importlib.util.find_spec('openvino_telemetry')  # others find it as before"
    )
    paths = [str(tmp_path), *filter(None, sys.path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    assert [path.name for path in tmp_path.iterdir()] == ["openvino_telemetry"]


_SIGNAL_AFTER_NETWORKS = """
import faulthandler, os, signal, time
import torch
from mobseg.network.openvino_trunk import on_openvino
from tests.core.test_network_openvino_trunk import PATCH, _network

faulthandler.enable()  # has a signal stack of its own
networks = [on_openvino(_network(), PATCH, torch.float32) for _ in range(3)]
while networks:
    networks.pop(0)  # in the order in which they came
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_signal_is_survived_after_several_networks_have_gone() -> None:
    command = [sys.executable, "-c", _SIGNAL_AFTER_NETWORKS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "interrupted\n", done.stderr
