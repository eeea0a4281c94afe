"""The loader of the 3D Slicer module, on a real MRML scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from MoBSegmentationLib.prediction_loader import load_prediction

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.labels import Label, LabelTable
from mobseg.prediction import PredictionMaps, RunRecord
from mobseg.prediction_folder import ThresholdRecord, write_prediction_folder

slicer = pytest.importorskip(
    "slicer", reason="needs slicer-core==5.12.4.0 or 3D Slicer, over 1 GB; see CONTRIBUTING.md"
)
vtk = pytest.importorskip("vtk", reason="comes with slicer-core and 3D Slicer")
pytestmark = pytest.mark.slicer

SHAPE = (4, 5, 6)
TABLE = LabelTable((Label(1, "Parotid gland", (200, 80, 40)), Label(4, "Lesion 2", (20, 80, 200))))


@pytest.fixture
def scene():
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerSegmentationsModuleLogic()
    logic.SetMRMLScene(scene)  # registers the segmentation nodes
    return scene


@pytest.fixture
def maps() -> PredictionMaps:
    random = np.random.default_rng(5)
    ijk_to_ras = np.diag([-1.5, 2.0, 3.0, 1.0])
    ijk_to_ras[:3, 3] = (10.0, -20.0, 30.0)
    variance = random.uniform(0.0, 0.25, (2, *SHAPE)).astype(np.float32)
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:3, 1:4, 1:4] = 1
    labels[3, 0, 0] = 4
    zero = np.zeros(SHAPE, np.float32)
    return PredictionMaps(
        geometry=VolumeGeometry(SHAPE, ijk_to_ras),
        label_table=TABLE,
        labels=labels,
        probability_mean=np.zeros((2, *SHAPE), np.float32),
        probability_variance=variance,
        predictive_entropy_nats=zero,
        mutual_information_nats=zero,
        logit_variance_model=zero,
        logit_variance_disagreement=zero,
        is_stochastic=True,
    )


@pytest.fixture
def folder(maps: PredictionMaps, tmp_path: Path) -> Path:
    record = RunRecord(model={}, options={}, input={}, versions={}, seconds_by_stage={})
    threshold = ThresholdRecord(score="probability_variance", value=0.05, source="default")
    write_prediction_folder(tmp_path / "case", maps, (), record, threshold=threshold)
    return tmp_path / "case"


def test_segments_keep_their_names_and_values(scene, folder: Path) -> None:
    segmentation = load_prediction(folder, scene).segmentation.GetSegmentation()
    names = [segmentation.GetNthSegment(n).GetName() for n in range(2)]
    assert names == ["Parotid gland", "Lesion 2"]
    values = [segmentation.GetNthSegment(n).GetLabelValue() for n in range(2)]
    assert values == [1, 4]


def test_variances_keep_their_values_in_space(scene, maps: PredictionMaps, folder: Path) -> None:
    """Slicer may turn the axes of a left-handed grid, so values are compared by their place in RAS."""
    variances = load_prediction(folder, scene).variances
    for volume, expected in zip(variances, maps.probability_variance, strict=True):
        loaded = slicer.util.arrayFromVolume(volume)
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        geometry = VolumeGeometry(SHAPE, slicer.util.arrayFromVTKMatrix(matrix))
        kji = np.argwhere(np.ones(SHAPE, bool))
        i, j, k = maps.geometry.ras_to_ijk(geometry.ijk_to_ras(kji[:, ::-1])).T
        indices = tuple(np.rint(axis).astype(int) for axis in (k, j, i))
        np.testing.assert_allclose(loaded.ravel(), expected[indices], atol=1e-3)


def test_heat_map_spans_zero_to_the_largest_variance(
    scene, maps: PredictionMaps, folder: Path
) -> None:
    display = load_prediction(folder, scene).variances[0].GetDisplayNode()
    assert display.GetWindowLevelMin() == pytest.approx(0.0, abs=1e-6)
    assert display.GetWindowLevelMax() == pytest.approx(
        maps.probability_variance[0].max(), rel=1e-2
    )
    assert display.GetApplyThreshold()


@pytest.mark.parametrize("name", ["segmentation.seg.nrrd", "probability_variance_Lesion_2.nii.gz"])
def test_a_missing_file_leaves_the_scene_as_it_was(scene, folder: Path, name: str) -> None:
    (folder / name).unlink()
    before = scene.GetNumberOfNodes()
    with pytest.raises(InvalidInput, match="missing or damaged"):
        load_prediction(folder, scene)
    assert scene.GetNumberOfNodes() == before


def test_another_folder_is_refused(scene, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        load_prediction(tmp_path, scene)
