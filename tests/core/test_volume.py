from __future__ import annotations

import numpy as np
import pytest

from mobseg.errors import GeometryMismatch
from mobseg.geometry import VolumeGeometry
from mobseg.volume import LabelVolume, ScalarVolume

GEOMETRY = VolumeGeometry((2, 3, 4), np.eye(4))


@pytest.mark.parametrize("kind", [ScalarVolume, LabelVolume])
def test_array_and_grid_must_have_one_shape(kind: type[ScalarVolume | LabelVolume]) -> None:
    assert kind(np.zeros((2, 3, 4), np.uint8), GEOMETRY).array.shape == (2, 3, 4)
    with pytest.raises(GeometryMismatch, match=r"\(4, 3, 2\).*\(2, 3, 4\)"):
        kind(np.zeros((4, 3, 2), np.uint8), GEOMETRY)
