from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mobseg.bundle.checkpoint import read_checkpoint
from mobseg.errors import BundleError


def content(**changes: Any) -> dict[str, Any]:
    return {
        "network_weights": {"layer.weight": torch.arange(6.0).reshape(2, 3)},
        "optimizer_state": {"state": {0: {"momentum": torch.zeros(3)}}},
        "grad_scaler_state": None,
        "logging": {"dice": [np.float32(0.5), np.float64(0.25)], "counts": np.arange(3)},
        "_best_ema": np.float32(0.5),
        "current_epoch": 7,
        "init_args": {"configuration": "3d_fullres", "fold": 0, "device": torch.device("cpu")},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 2),
        **changes,
    }


def save(path: Path, value: Any, **options: Any) -> Path:
    torch.save(value, path, **options)
    return path


def rewrite(path: Path, change: Callable[[str, bytes], bytes], compression: int = 0) -> None:
    """Write the zip again with other bytes."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, change(name, data))


def test_a_training_checkpoint_gives_weights_and_facts(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(save(tmp_path / "c.pth", content()))
    assert list(checkpoint.weights) == ["layer.weight"]
    assert torch.equal(checkpoint.weights["layer.weight"], torch.arange(6.0).reshape(2, 3))
    assert checkpoint.trainer_name == "nnUNetTrainer"
    assert checkpoint.configuration == "3d_fullres"
    assert checkpoint.mirror_axes == (0, 2)


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_numpy_scalars_of_any_numpy_version_are_tolerated(tmp_path: Path, module: bytes) -> None:
    path = save(tmp_path / "c.pth", content())

    def rename(name: str, data: bytes) -> bytes:
        if not name.endswith("data.pkl"):
            return data
        neutral = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        assert neutral.count(b"numpy.core.multiarray") >= 2
        return neutral.replace(b"numpy.core.multiarray", module)

    rewrite(path, rename)
    weights = read_checkpoint(path).weights
    assert torch.equal(weights["layer.weight"], torch.arange(6.0).reshape(2, 3))


def test_torch_stays_as_strict_as_before(tmp_path: Path) -> None:
    path = save(tmp_path / "c.pth", content())
    before = set(torch.serialization.get_safe_globals())
    read_checkpoint(path)
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize("axes", [None, ()])
def test_a_model_may_be_trained_without_mirroring(tmp_path: Path, axes: Any) -> None:
    path = save(tmp_path / "c.pth", content(inference_allowed_mirroring_axes=axes))
    assert read_checkpoint(path).mirror_axes == axes


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


class EvalPayload(Payload):
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"__import__('os').mkdir({str(self.marker)!r})",)


@pytest.mark.parametrize("payload_class", [Payload, EvalPayload])
@pytest.mark.parametrize("key", ["network_weights", "logging", "_best_ema"])
def test_a_malicious_pickle_is_refused_and_does_not_run(
    tmp_path: Path, payload_class: type[Payload], key: str
) -> None:
    marker = tmp_path / "executed"
    path = save(tmp_path / "c.pth", content(**{key: payload_class(marker)}))

    torch.load(path, weights_only=False)
    assert marker.exists(), "the payload works where nothing stops it"
    marker.rmdir()

    with pytest.raises(BundleError, match=r"refused without loading.*(mkdir|eval).*could run code"):
        read_checkpoint(path)
    assert not marker.exists()


def test_a_malicious_pickle_without_the_zip_container_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    value = content(logging=Payload(marker))
    path = save(tmp_path / "c.pth", value, _use_new_zipfile_serialization=False)
    with pytest.raises(BundleError, match="no PyTorch checkpoint"):
        read_checkpoint(path)
    assert not marker.exists()


def test_compressed_entries_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "c.pth", content())
    rewrite(path, lambda name, data: data, zipfile.ZIP_DEFLATED)
    with pytest.raises(BundleError, match="compressed"):
        read_checkpoint(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = save(tmp_path / "c.pth", content())
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(BundleError, match="truncated"):
        read_checkpoint(path)


def test_a_pickle_of_garbage_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "c.pth", content())
    rewrite(path, lambda name, data: b"garbage" if name.endswith("data.pkl") else data)
    with pytest.raises(BundleError, match="damaged"):
        read_checkpoint(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not exist"):
        read_checkpoint(tmp_path / "nothing.pth")


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        {"state_dict": {}},
        content(network_weights={}),
        content(network_weights={"a": 1}),
        content(network_weights=torch.zeros(2)),
        content(trainer_name=5),
        content(init_args={}),
        content(init_args={"configuration": np.float32(1)}),
        content(inference_allowed_mirroring_axes=(0, 3)),
        content(inference_allowed_mirroring_axes="xy"),
    ],
)
def test_other_checkpoints_are_refused(tmp_path: Path, value: Any) -> None:
    path = save(tmp_path / "c.pth", value)
    with pytest.raises(BundleError, match=r"was not written by nnU-Net v2"):
        read_checkpoint(path)
