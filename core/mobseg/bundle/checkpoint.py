"""Reads nnU-Net checkpoints without executing what they may hold, and writes what inference needs."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mobseg.errors import BundleError


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What inference needs of a checkpoint.

    Attributes:
        weights: the network's state dict, on the CPU; the tensors may be mapped from the file.
        trainer_name: class name of the trainer.
        configuration: name of the configuration in the plans, such as ``3d_fullres``.
        mirror_axes: spatial axes along which the model was trained to be mirrored; ``None`` for none.
    """

    weights: dict[str, torch.Tensor]
    trainer_name: str
    configuration: str
    mirror_axes: tuple[int, ...] | None


class _Ignored:
    """Stands in for the NumPy values of the training log, so that not even NumPy code runs."""

    def __new__(cls, *_arguments: object) -> _Ignored:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Ignore the state as well."""


# nnU-Net's log and best score hold NumPy scalars; NumPy 2 renamed ``numpy.core`` to ``numpy._core``.
_IGNORED_NAMES = (
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
)

# torch keeps its list of safe globals per process, not per call.
_safe_globals_lock = threading.Lock()


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint written by nnU-Net v2.

    Raises:
        BundleError: the file is missing, damaged, not an nnU-Net checkpoint, or holds anything but
            plain data and weights, which could run code when loaded.
    """
    _check_container(path)
    content = _load(path)
    try:
        checkpoint = Checkpoint(
            weights=content["network_weights"],
            trainer_name=content["trainer_name"],
            configuration=content["init_args"]["configuration"],
            mirror_axes=_mirror_axes(content.get("inference_allowed_mirroring_axes")),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _not_nnunet(path) from error
    if not _has_types(checkpoint):
        raise _not_nnunet(path)
    return checkpoint


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint that stock nnU-Net and :func:`read_checkpoint` load for inference.

    Raises:
        OSError: the file cannot be written.
    """
    torch.save(
        {
            "network_weights": checkpoint.weights,
            "trainer_name": checkpoint.trainer_name,
            "init_args": {"configuration": checkpoint.configuration},
            "inference_allowed_mirroring_axes": checkpoint.mirror_axes,
        },
        path,
    )


def _check_container(path: Path) -> None:
    """Accept only the zip format of torch.save, stored without compression as torch writes it.

    The legacy formats of torch.load are a wider surface for attacks, and compressed entries could
    inflate beyond all memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except FileNotFoundError as error:
        raise BundleError(
            f"The checkpoint {path} does not exist; use a complete model folder."
        ) from error
    except (zipfile.BadZipFile, OSError) as error:
        raise BundleError(
            f"The checkpoint {path} is truncated, damaged or no PyTorch checkpoint; obtain the model "
            "again."
        ) from error
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BundleError(
            f"The checkpoint {path} was not written by PyTorch (its entries are compressed); obtain "
            "the model from a source you trust."
        )


def _load(path: Path) -> Any:
    ignored: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        (_Ignored, name) for name in _IGNORED_NAMES
    ]
    try:
        with _safe_globals_lock, torch.serialization.safe_globals(ignored):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a hostile or damaged file can raise anything
        unsafe = _unsafe_globals(path)
        if unsafe:
            raise BundleError(
                f"The checkpoint {path} was refused without loading it, because it refers to "
                f"{unsafe[0]}, which could run code; obtain the model from a source you trust."
            ) from error
        raise BundleError(
            f"The checkpoint {path} is damaged and cannot be loaded; obtain the model again."
        ) from error


def _unsafe_globals(path: Path) -> list[str]:
    """Names of the functions and classes that the checkpoint asks for and that are not plain data."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # the pickle cannot even be scanned
        return []
    return sorted(set(names).difference(_IGNORED_NAMES))


def _mirror_axes(value: Any) -> tuple[int, ...] | None:
    axes = None if value is None else tuple(int(axis) for axis in value)
    if axes is not None and not set(axes) <= {0, 1, 2}:
        raise ValueError(f"mirror axes {axes}")
    return axes


def _has_types(checkpoint: Checkpoint) -> bool:
    weights = checkpoint.weights
    return (
        isinstance(weights, dict)
        and bool(weights)
        and all(isinstance(name, str) for name in weights)
        and all(isinstance(tensor, torch.Tensor) for tensor in weights.values())
        and isinstance(checkpoint.trainer_name, str)
        and isinstance(checkpoint.configuration, str)
    )


def _not_nnunet(path: Path) -> BundleError:
    return BundleError(
        f"The checkpoint {path} was not written by nnU-Net v2 (weights, trainer name or configuration "
        "are missing); use a model trained with nnU-Net v2."
    )
