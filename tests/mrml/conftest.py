"""A real MRML scene, empty before every test, and small results in it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.mrml import cases

REASON = "needs slicer-core==5.12.4.0 or 3D Slicer, over 1 GB; see CONTRIBUTING.md"


@pytest.fixture
def scene():
    headless = pytest.importorskip("tests.headless_slicer", reason=REASON, exc_type=ImportError)
    scene = headless.application()
    scene.Clear(False)
    # 3D Slicer makes it with the scene.
    slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    yield scene
    scene.Clear(False)


@pytest.fixture
def add_ct(scene):
    """Adds the CT of the cases to the scene."""
    slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)

    def add(geometry=cases.PLAIN, name="CT", seed=0):
        return slicer.util.addVolumeFromArray(
            cases.ct_array(seed), ijkToRAS=np.array(geometry.ijk_to_ras_mm), name=name
        )

    return add


@pytest.fixture
def add_result(scene, add_ct, tmp_path):
    """Loads a result of a CT, which is added unless it is given."""
    loader = pytest.importorskip(
        "MoBSegmentationLib.result_loader", reason=REASON, exc_type=ImportError
    )

    def add(maps=None, ct=None, **options):
        maps = cases.prediction() if maps is None else maps
        folder = tmp_path / f"result {len(list(tmp_path.iterdir()))} ä"
        cases.write_result(folder, maps, **options)
        return loader.load_result(folder, ct or add_ct(maps.geometry), scene)

    return add
