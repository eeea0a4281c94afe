"""Reads the state of an interrupted training without executing what the file may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from mobseg.errors import BundleError

#: NumPy scalars of the training log; everything else in a checkpoint is plain data and tensors.
_SCALAR = np.float64(0).__reduce__()[0]  # NumPy 2 renamed its module, and files of either exist
_SAFE = [
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
    np.dtypes.Int64DType,
    (_SCALAR, "numpy._core.multiarray.scalar"),
    (_SCALAR, "numpy.core.multiarray.scalar"),
]


def load_training_state(path: Path, device: torch.device) -> dict[str, Any]:
    """The checkpoint that nnU-Net's trainer wrote, with optimiser and log.

    Raises:
        BundleError: the file is damaged, or holds anything but data and weights.
    """
    try:
        with torch.serialization.safe_globals(_SAFE):  # type: ignore[arg-type]
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # a damaged file can raise anything
        raise BundleError(
            f"The training cannot be resumed from {path.name}, which is damaged or not a checkpoint of "
            "nnU-Net; remove it to start again."
        ) from error
    return state
