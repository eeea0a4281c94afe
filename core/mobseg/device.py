"""Where the network runs."""

from __future__ import annotations

import torch

from mobseg.errors import DeviceError


def choose_device(name: str) -> torch.device:
    """The device of this name; ``auto`` takes the first of CUDA, MPS and CPU that is there.

    Args:
        name: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        DeviceError: unknown, or not on this machine.
    """
    if name == "auto":
        return next(torch.device(kind) for kind in ("cuda", "mps", "cpu") if _count(kind) > 0)
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not (kind == "cuda" and index.isdecimal())):
        raise DeviceError(
            f"There is no device {name!r}; choose auto, cpu, cuda, cuda:N (N = 0, 1, ...) or mps."
        )
    if int(index or 0) >= _count(kind):
        raise DeviceError(
            f"The device {name} was asked for, but PyTorch finds none on this machine; "
            "use --device auto or install PyTorch with support for it."
        )
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format of the network's backbone.

    Args:
        name: one of :data:`mobseg.options.PRECISIONS`; ``auto`` takes bfloat16 on a CPU that multiplies in
            it (AVX512-BF16 or AMX), where it is twice as fast, and float32 anywhere else.
        device: where the network runs.
    """
    if name == "auto":
        return torch.bfloat16 if device.type == "cpu" and _cpu_has_bfloat16() else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def precision_name(dtype: torch.dtype) -> str:
    """The name in :data:`mobseg.options.PRECISIONS`."""
    return str(dtype).removeprefix("torch.")


def describe_device(device: torch.device) -> str:
    """Name for people, such as ``NVIDIA RTX 4090, 24 GB``."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / 2**30:.0f} GB"
    if device.type == "mps":
        return "Apple GPU"
    return f"CPU, {torch.get_num_threads()} threads"


def _count(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    return 1


def _cpu_has_bfloat16() -> bool:
    # PyTorch knows it, but has no public name for it.
    return any(
        getattr(torch.cpu, name, bool)()
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
