from __future__ import annotations

import numpy as np
import pytest

from mobseg.geometry import VolumeGeometry
from mobseg.region_of_interest import Part
from mobseg.volume import ScalarVolume

SHAPE = (7, 8, 9)
BOX = (slice(2, 6), slice(0, 8), slice(3, 4))
WHOLE = (slice(0, 7), slice(0, 8), slice(0, 9))


@pytest.mark.parametrize("box", [BOX, WHOLE])
@pytest.mark.parametrize("codes", ["RAS", "SPL", "PIR"])
def test_voxels_are_embedded_where_maps_are(box: tuple[slice, ...], codes: str) -> None:
    array = np.arange(1, 505, dtype=np.int32).reshape(SHAPE)
    part = Part.take(ScalarVolume(array, VolumeGeometry(SHAPE, np.eye(4))), box, codes)
    embedded = part.embed(part.volume.array)
    np.testing.assert_array_equal(embedded[box], array[box])
    assert np.count_nonzero(embedded) == array[box].size
    flat = np.arange(part.volume.array.size)
    np.testing.assert_array_equal(
        array.reshape(-1)[part.embed_indices(flat)], part.volume.array.reshape(-1)[flat]
    )
