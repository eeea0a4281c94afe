"""A fingerprint of voxel data for run records."""

from __future__ import annotations

import hashlib

import numpy as np

from mobseg.volume import LabelVolume, ScalarVolume


def voxel_sha256(volume: ScalarVolume | LabelVolume) -> str:
    """SHA-256 of dtype, shape and voxels, the same whatever the byte order or memory layout.

    The grid's position is not part of it: it is no voxel data and is recorded on its own.
    """
    dtype = volume.array.dtype.newbyteorder("<")
    digest = hashlib.sha256(f"{dtype.str}{volume.array.shape}".encode())
    for plane in volume.array:
        digest.update(np.ascontiguousarray(plane, dtype=dtype).data)
    return digest.hexdigest()
