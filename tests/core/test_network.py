"""The network in the plans, and folders that stock nnU-Net must be able to run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from mobseg.bundle.folder import open_model_folder
from mobseg.covariance import PARAMETERISATIONS
from mobseg.errors import BundleError
from mobseg.model import load_folder
from mobseg.network import StochasticResidualEncoderUNet
from mobseg.network.build import build_network
from mobseg.network.trunk import last_layer, without_last_layer
from tests.support.model_factory import CONFIGURATION, make_model_folder
from tests.support.stochastic_factory import make_stochastic

CPU = torch.device("cpu")


def _image() -> torch.Tensor:
    return torch.randn(1, 32, 32, 32, generator=torch.Generator().manual_seed(0))


def _stock_logits(folder: Path, image: torch.Tensor) -> torch.Tensor:
    predictor = nnUNetPredictor(use_mirroring=False, device=CPU, allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), (0,))
    return predictor.predict_logits_from_preprocessed_data(image).float()


@pytest.mark.parametrize("parameterisation", PARAMETERISATIONS)
def test_stock_nnunet_loads_the_folder_and_gives_the_mean(
    tmp_path: Path, parameterisation: str
) -> None:
    """Neither our trainer nor an environment variable is needed, and the head changes nothing."""
    base = make_model_folder(tmp_path / "base")
    folder = make_stochastic(make_model_folder(tmp_path / "stochastic"), parameterisation)
    expected = _stock_logits(base, _image())
    assert torch.equal(_stock_logits(folder, _image()), expected)
    model = load_folder(open_model_folder(folder), CPU)
    assert model.parameterisation == parameterisation
    with torch.no_grad():
        moments = model.moment_fns()[0](_image()[None])
        (whole,) = moments.slabs
        mean, variance = moments.compute(whole)
    centre = (slice(8, -8),) * 3  # at the border stock nnU-Net's float16 weights underflow
    difference = (expected[1] - expected[0])[centre]
    assert (mean[0, 0][centre] - difference).abs().max() < 2e-3
    assert (variance.min() > 0) == (parameterisation != "deterministic")


@pytest.mark.parametrize("stochastic", [False, True])
@torch.no_grad()
def test_a_network_without_its_last_layer_gives_the_input_of_that_layer(
    tmp_path: Path, stochastic: bool
) -> None:
    folder = make_model_folder(tmp_path / "model")
    model = load_folder(open_model_folder(make_stochastic(folder) if stochastic else folder), CPU)
    network = model.networks[0]
    x = _image()[None]
    expected = network(x)
    trunk = without_last_layer(network)
    assert torch.equal(last_layer(network)(trunk(x)), expected)
    assert torch.equal(network(x), expected)
    assert next(trunk.parameters()) is next(network.parameters())


def test_nnunets_initialisation_leaves_the_head_small(tmp_path: Path) -> None:
    folder = open_model_folder(make_stochastic(make_model_folder(tmp_path / "model")))
    model = load_folder(folder, CPU)
    network = model.networks[0]
    network.apply(network.initialize)
    with torch.no_grad():
        variance = network.distribution(_image()[None]).voxel_covariance()
    assert variance.diagonal(dim1=1, dim2=2).max() < 1.0


def _architecture(folder: Path) -> tuple[dict, dict]:
    opened = open_model_folder(folder)
    weights = torch.load(opened.checkpoint_paths[0], weights_only=True)["network_weights"]
    return json.loads(json.dumps(opened.configuration["architecture"])), weights


def test_the_built_network_owns_the_weights_of_the_file(tmp_path: Path) -> None:
    architecture, weights = _architecture(make_model_folder(tmp_path / "model"))
    network = build_network(architecture, 2, weights)
    assert not network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights[name])
        assert tensor.data_ptr() != weights[name].data_ptr()  # the file may be written anew


def test_a_foreign_network_class_is_refused_and_not_imported(tmp_path: Path) -> None:
    architecture, weights = _architecture(make_model_folder(tmp_path / "model"))
    architecture["network_class_name"] = "antigravity.geohash"
    with pytest.raises(BundleError, match="not supported"):
        build_network(architecture, 2, weights)


def test_a_foreign_layer_is_refused(tmp_path: Path) -> None:
    architecture, weights = _architecture(make_model_folder(tmp_path / "model"))
    architecture["arch_kwargs"]["nonlin"] = "os.system"
    with pytest.raises(BundleError, match="not supported"):
        build_network(architecture, 2, weights)


@pytest.mark.parametrize("damage", ["missing", "shape", "heads"])
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, damage: str) -> None:
    architecture, weights = _architecture(make_model_folder(tmp_path / "model"))
    name = next(iter(weights))
    heads = 2
    if damage == "missing":
        del weights[name]
    elif damage == "shape":
        weights[name] = weights[name][:1]
    else:
        heads = 3
    with pytest.raises(BundleError, match="do not fit"):
        build_network(architecture, heads, weights)


def test_base_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    from mobseg.network.unet import weights_from_base  # noqa: PLC0415

    small, large = (
        open_model_folder(make_stochastic(make_model_folder(tmp_path / name, features=features)))
        for name, features in (("small", (4, 8, 16)), ("large", (8, 16, 32)))
    )
    network = load_folder(large, CPU).networks[0]
    assert isinstance(network, StochasticResidualEncoderUNet)
    weights = load_folder(small, CPU).networks[0].state_dict()
    with pytest.raises(RuntimeError):
        weights_from_base(weights, network)
    assert CONFIGURATION in large.plans["configurations"]


def test_building_does_not_load_the_compiler_of_pytorch(tmp_path: Path) -> None:
    """It takes longer than everything else until a model is ready."""
    folder = make_stochastic(make_model_folder(tmp_path / "model"))
    code = f"""
import sys
from mobseg.pipeline import load_model
load_model({str(folder)!r}, device="cpu")
print([name for name in ("torch._dynamo", "sympy", "matplotlib", "nnunetv2") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
