"""Loads a prediction folder of ``mobseg segment`` into a MRML scene; needs no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Colour table of 3D Slicer; perceptually uniform.
HEAT_MAP_COLORS = "vtkMRMLColorTableNodeFileInferno.txt"

#: Share of the largest variance below which the heat map is transparent.
LOWEST_SHOWN = 0.02


@dataclass(frozen=True)
class LoadedPrediction:
    """The nodes of one result.

    Attributes:
        segmentation: ``vtkMRMLSegmentationNode``.
        variances: a ``vtkMRMLScalarVolumeNode`` for each label, Var[p], shown as a heat map.
    """

    segmentation: Any
    variances: tuple[Any, ...]


def load_prediction(folder: Path, scene: Any) -> LoadedPrediction:
    """Load segmentation and variance maps.

    Args:
        folder: prediction folder.
        scene: ``vtkMRMLScene`` that knows the segmentation nodes.

    Raises:
        mobseg.errors.InvalidInput: it is no prediction folder, or a file is missing or damaged; the scene
            is as before.
    """
    from mobseg.prediction_folder.layout import (  # noqa: PLC0415
        SEGMENTATION_NRRD,
        label_map_files,
    )
    from mobseg.prediction_folder.records import read_run_file  # noqa: PLC0415

    run = read_run_file(folder)
    # Of a deterministic model the maps hold only how far its passes differ, and must say so.
    quantity = "variance" if run.is_stochastic else "disagreement"
    added: list[Any] = []
    try:
        segmentation = _add(scene, "Segmentation", folder / SEGMENTATION_NRRD, folder.name, added)
        variances = []
        files = label_map_files("probability_variance", run.label_table)
        for label, file in zip(run.label_table, files, strict=True):
            name = f"{folder.name} {label.name} {quantity}"
            variances.append(_add(scene, "ScalarVolume", folder / file, name, added))
    except Exception:
        for node in reversed(added):
            scene.RemoveNode(node)
        raise
    for variance in variances:
        show_as_heat_map(variance)
    segmentation.GetDisplayNode().SetVisibility2DFill(False)
    return LoadedPrediction(segmentation, tuple(variances))


def show_as_heat_map(volume: Any) -> None:
    """Inferno from zero to the largest value, transparent where the value is next to nothing."""
    largest = volume.GetImageData().GetScalarRange()[1]
    display = volume.GetDisplayNode()
    display.SetAndObserveColorNodeID(HEAT_MAP_COLORS)
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0.0, largest)
    display.AutoThresholdOff()
    display.SetThreshold(LOWEST_SHOWN * largest, largest)
    display.ApplyThresholdOn()


def _add(scene: Any, kind: str, path: Path, name: str, added: list[Any]) -> Any:
    """Add a node read from a file, and note every node that was added."""
    from mobseg.errors import InvalidInput  # noqa: PLC0415

    storage_class = "Segmentation" if kind == "Segmentation" else "VolumeArchetype"
    storage = scene.AddNewNodeByClass(f"vtkMRML{storage_class}StorageNode")
    added.append(storage)
    node = scene.AddNewNodeByClass(f"vtkMRML{kind}Node", name)
    added.append(node)
    if kind == "ScalarVolume":
        storage.SetSingleFile(True)  # files with numbered names are labels here, not slices
    storage.SetFileName(str(path))
    if not path.is_file() or not storage.ReadData(node):
        raise InvalidInput(
            f"{path.name} of the prediction folder is missing or damaged; make the result again."
        )
    node.SetAndObserveStorageNodeID(storage.GetID())
    node.CreateDefaultDisplayNodes()
    if node.GetDisplayNode():
        added.append(node.GetDisplayNode())
    return node
