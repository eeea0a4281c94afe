"""What runs the network: chosen by rule, recorded, and replaced by PyTorch where it cannot be had."""

from __future__ import annotations

import dataclasses
import sys
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mobseg.execution
from mobseg.bundle.folder import open_model_folder
from mobseg.execution import choose_execution
from mobseg.geometry import VolumeGeometry
from mobseg.inference.windows import window_slices
from mobseg.model import LoadedModel, load_folder
from mobseg.network.openvino_trunk import OpenVinoTrunk
from mobseg.options import SegmentOptions
from mobseg.pipeline import Segmentation, segment_volume
from mobseg.progress import SilentProgress
from mobseg.volume import ScalarVolume
from tests.support.model_factory import make_model_folder
from tests.support.stochastic_factory import make_stochastic

QUIET = SilentProgress()
SIZE = (40, 44, 36)

needs_openvino = pytest.mark.skipif(
    util.find_spec("openvino") is None, reason="OpenVINO is not installed"
)


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    return _model(tmp_path / "model")


def _model(path: Path, **settings: Any) -> LoadedModel:
    folder = open_model_folder(make_stochastic(make_model_folder(path, **settings)))
    return load_folder(folder, torch.device("cpu"))


def _ct() -> ScalarVolume:
    """Waves in soft tissue with noise, on the network's grid."""
    k, j, i = np.indices(SIZE)
    waves = 40 + 120 * np.sin(k / 5) * np.cos(j / 4) * np.cos(i / 6)
    noise = np.random.default_rng(0).normal(0, 15, SIZE)
    geometry = VolumeGeometry(SIZE, np.diag([-1.5, -1.5, 1.5, 1.0]))
    return ScalarVolume((waves + noise).astype(np.int16), geometry)


def _segment(model: LoadedModel, **options: Any) -> Segmentation:
    return segment_volume(_ct(), model, SegmentOptions(**options), QUIET)


def _assert_equal_but_for_rounding(first: Segmentation, second: Segmentation) -> None:
    a, b = first.maps.dense(), second.maps.dense()
    assert 0.05 < (a.labels > 0).mean() < 0.95
    assert (a.labels == b.labels).mean() >= 0.9999
    assert np.abs(a.probability_mean - b.probability_mean).max() <= 1e-3
    assert np.abs(a.probability_variance - b.probability_variance).max() <= 1e-3


@needs_openvino
def test_openvino_gives_the_same_maps_and_is_recorded(model: LoadedModel) -> None:
    expected = _segment(model, engine="torch")
    found = _segment(model, engine="openvino")
    _assert_equal_but_for_rounding(expected, found)
    assert [r.record.options["engine"] for r in (expected, found)] == ["torch", "openvino"]
    assert found.record.options["precision"] == "float32"
    assert found.record.versions["openvino"] == metadata.version("openvino")
    assert "openvino" not in expected.record.versions
    assert not any("OpenVINO" in note for note in found.record.notes)


@needs_openvino
def test_folds_and_mirrored_passes_are_compiled_too(tmp_path: Path) -> None:
    model = _model(tmp_path / "model", folds=(0, 1), n_labels=2)
    model = dataclasses.replace(model, mirror_axes=(2,))
    expected = _segment(model, engine="torch", mirror=True, step=1.0)
    found = _segment(model, engine="openvino", mirror=True, step=1.0)
    _assert_equal_but_for_rounding(expected, found)
    assert found.record.options["engine"] == "openvino"


@needs_openvino
def test_lower_precision_is_lower_in_openvino(model: LoadedModel) -> None:
    exact = _segment(model, engine="openvino").maps.dense()
    result = _segment(model, engine="openvino", precision="bfloat16")
    difference = np.abs(result.maps.dense().probability_mean - exact.probability_mean).max()
    assert 1e-3 < difference < 0.05
    assert result.record.options["precision"] == "bfloat16"
    assert result.record.options["engine"] == "openvino"


@needs_openvino
def test_the_compiled_networks_are_kept_for_one_precision(model: LoadedModel) -> None:
    options = SegmentOptions(engine="openvino")
    first, second = (choose_execution(model, options, SIZE).model for _ in range(2))
    assert first is second
    lower = dataclasses.replace(options, precision="bfloat16")
    assert choose_execution(model, lower, SIZE).model is not first
    assert choose_execution(model, options, SIZE).model is not first


@needs_openvino
def test_a_failure_in_the_middle_is_recorded_and_pytorch_goes_on(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = OpenVinoTrunk.forward
    calls = []

    def failing_at_the_third(trunk: OpenVinoTrunk, x: torch.Tensor) -> torch.Tensor:
        calls.append(x)
        if len(calls) == 3:
            trunk._request = None
        return forward(trunk, x)

    monkeypatch.setattr(OpenVinoTrunk, "forward", failing_at_the_third)
    result = _segment(model, engine="openvino")
    assert len(calls) > 3
    _assert_equal_but_for_rounding(_segment(model, engine="torch"), result)
    assert result.record.options["engine"] == "torch"
    assert any("failed to compute the network" in note for note in result.record.notes)


@pytest.mark.parametrize("engine", ["openvino", "auto"])
def test_without_openvino_pytorch_computes(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setattr(mobseg.execution, "_ENOUGH_VOXELS", 1)
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "mobseg.network.openvino_graph", raising=False)
    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    result = _segment(model, engine=engine)
    assert result.record.options["engine"] == "torch"
    # Only who asked for it is told.
    notes = [note for note in result.record.notes if "OpenVINO" in note]
    assert len(notes) == (engine == "openvino")
    assert all("because OpenVINO cannot be used: it is not installed." in note for note in notes)


def test_openvino_is_for_cpus_only(model: LoadedModel) -> None:
    elsewhere = dataclasses.replace(model, device=torch.device("cuda"))
    execution = choose_execution(elsewhere, SegmentOptions(engine="openvino"), SIZE)
    assert execution.record["engine"] == "torch"
    assert "it is for CPUs only." in execution.notes[0]


@needs_openvino
@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("missing", [0, 1])
def test_auto_takes_openvino_for_enough_voxels(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, machine: str, mirror: bool, missing: int
) -> None:
    model = dataclasses.replace(model, mirror_axes=(0, 1, 2))
    patch = model.plan.patch_size
    voxels = len(window_slices(SIZE, patch, 0.5)) * 32**3 * (8 if mirror else 1)
    monkeypatch.setattr(mobseg.execution, "_ENOUGH_VOXELS", voxels + missing)
    monkeypatch.setattr("platform.machine", lambda: machine)
    execution = choose_execution(model, SegmentOptions(mirror=mirror), SIZE)
    pays = machine == "x86_64" and not missing
    assert execution.record["engine"] == ("openvino" if pays else "torch")
    assert execution.notes == ()


@needs_openvino
def test_an_image_smaller_than_a_window_is_one_window(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for least, engine in ((32**3, "openvino"), (32**3 + 1, "torch")):
        monkeypatch.setattr(mobseg.execution, "_ENOUGH_VOXELS", least)
        execution = choose_execution(model, SegmentOptions(), (5, 32, 5))
        assert execution.record["engine"] == engine
