"""Loads a prediction folder of ``mobseg`` into a MRML scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import slicer

from MoBSegmentationLib.heat_map import give_display_node
from MoBSegmentationLib.mrml_bridge import put_into_volume, volume_array, volume_geometry
from MoBSegmentationLib.result_nodes import ResultNodes, mark_result

if TYPE_CHECKING:
    from mobseg.geometry import VolumeGeometry
    from mobseg.prediction_folder.records import RunFile

T = TypeVar("T")

# What a header in single precision may move a voxel.
_GRID_TOLERANCE_MM = 0.01


def load_result(folder: Path, volume_node: Any, scene: Any) -> ResultNodes:
    """Load a result: all of it, or nothing and the scene is as before.

    All nodes are put under the parent transform of the volume. The segmentation takes the volume as its
    reference and its place in the subject hierarchy, so that it can be exported as DICOM SEG.

    Args:
        folder: prediction folder.
        volume_node: the volume that was segmented.
        scene: ``vtkMRMLScene`` that knows the segmentation nodes.

    Raises:
        mobseg.errors.InvalidInput: it is no prediction folder, or a file is missing or damaged.
        mobseg.errors.GeometryMismatch: the result belongs to another volume.
    """
    from mobseg.prediction_folder.layout import RUN_JSON  # noqa: PLC0415
    from mobseg.prediction_folder.records import read_run_file  # noqa: PLC0415

    run = read_run_file(folder)
    with _all_or_nothing(scene):
        result = _Loader(folder, volume_node, scene, run).load()
        mark_result(result, (folder / RUN_JSON).read_text(encoding="utf-8"))
    return result


@contextmanager
def _all_or_nothing(scene: Any) -> Iterator[None]:
    """Remove all nodes that were added, if the block fails."""
    before = set(_node_ids(scene))
    try:
        yield
    except BaseException:
        for node_id in reversed(_node_ids(scene)):
            node = scene.GetNodeByID(node_id)
            if node_id not in before and node is not None:
                scene.RemoveNode(node)
        raise


def _node_ids(scene: Any) -> list[str]:
    return [scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())]


class _Loader:
    """The steps of :func:`load_result`."""

    def __init__(self, folder: Path, source: Any, scene: Any, run: RunFile) -> None:
        from mobseg.image_io import read_label_volume  # noqa: PLC0415
        from mobseg.prediction_folder.layout import SEGMENTATION_NRRD  # noqa: PLC0415

        self._folder = folder
        self._source = source
        self._scene = scene
        self._run = run
        self._labels = self._read(read_label_volume, SEGMENTATION_NRRD)
        self._require_grid_of_source(self._labels.geometry)

    def load(self) -> ResultNodes:
        from mobseg.prediction_folder.layout import COMMON_MAPS  # noqa: PLC0415
        from mobseg.uncertainty import display_name  # noqa: PLC0415

        # Of a deterministic model the variance is only how far its passes differ, and is named so.
        variance = display_name("variance", self._run.is_stochastic)
        variances = self._add_label_maps("probability_variance", variance)
        probabilities = self._add_label_maps("probability_mean", "Probability")
        entropy = self._add_map(COMMON_MAPS["predictive_entropy_nats"], "Entropy")
        return ResultNodes(
            result=self._add_node("ScriptedModule", "result"),
            source=self._source,
            segmentation=self._add_segmentation(),
            prediction=self._add_volume(
                "LabelMapVolume", "labels as predicted", self._labels.array
            ),
            score=self._find_or_add_score(variances, probabilities, entropy),
            variances=variances,
            probabilities=probabilities,
            entropy=entropy,
            run=self._run,
        )

    def _require_grid_of_source(self, geometry: VolumeGeometry) -> None:
        from mobseg.errors import GeometryMismatch  # noqa: PLC0415

        if not geometry.is_close(volume_geometry(self._source), _GRID_TOLERANCE_MM):
            raise GeometryMismatch(
                "The result does not lie on the grid of the chosen volume; choose the volume that it was "
                "made from."
            )

    def _find_or_add_score(
        self, variances: tuple[Any, ...], probabilities: tuple[Any, ...], entropy: Any
    ) -> Any:
        """The map that regions are flagged by, which often is one of the other maps."""
        from mobseg.prediction_folder.layout import COMMON_MAPS  # noqa: PLC0415
        from mobseg.uncertainty import display_name, error_probability_of  # noqa: PLC0415

        score = self._run.threshold.score
        title = display_name(score, self._run.is_stochastic)
        if score == "entropy":
            return entropy
        if score == "mutual_information":
            return self._add_map(COMMON_MAPS["mutual_information_nats"], title)
        if score == "error_probability":
            values = [label.value for label in self._run.label_table]
            maps = [volume_array(node) for node in probabilities]
            return self._add_volume(
                "ScalarVolume", title, error_probability_of(self._labels.array, maps, values)
            )
        if len(variances) == 1:
            return variances[0]
        largest = volume_array(variances[0]).copy()
        for node in variances[1:]:
            np.maximum(largest, volume_array(node), out=largest)
        return self._add_volume("ScalarVolume", f"{title}, largest of all", largest)

    def _add_label_maps(self, field: str, title: str) -> tuple[Any, ...]:
        from mobseg.prediction_folder.layout import label_map_files  # noqa: PLC0415

        table = self._run.label_table
        files = label_map_files(field, table)
        return tuple(
            self._add_map(file, f"{title}, {label.name}")
            for label, file in zip(table, files, strict=True)
        )

    def _add_map(self, file: str, title: str) -> Any:
        from mobseg.image_io import read_map  # noqa: PLC0415

        volume = self._read(read_map, file)
        if not volume.geometry.is_close(self._labels.geometry):
            raise _unusable(file)
        return self._add_volume("ScalarVolume", title, volume.array.astype(np.float32, copy=False))

    def _add_volume(self, kind: str, title: str, array: npt.NDArray[Any]) -> Any:
        node = self._add_node(kind, title)
        put_into_volume(node, array, self._labels.geometry)
        node.SetAndObserveTransformNodeID(self._source.GetTransformNodeID())
        if kind == "ScalarVolume":
            give_display_node(node, self._scene)
        else:
            node.CreateDefaultDisplayNodes()
        return node

    def _add_segmentation(self) -> Any:
        from mobseg.prediction_folder.layout import SEGMENTATION_NRRD  # noqa: PLC0415

        storage = slicer.vtkMRMLSegmentationStorageNode()
        storage.SetFileName(str(self._folder / SEGMENTATION_NRRD))
        node = self._add_node("Segmentation", "segmentation")
        if not storage.ReadData(node):
            raise _unusable(SEGMENTATION_NRRD)
        # The name of the file would become that of the node.
        node.SetName(self._node_name("segmentation"))
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(self._source)
        node.SetAndObserveTransformNodeID(self._source.GetTransformNodeID())
        self._put_beside_source(node)
        return node

    def _put_beside_source(self, node: Any) -> None:
        """Into the study of the image, where the export as DICOM looks for patient and study."""
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)
        source = hierarchy.GetItemByDataNode(self._source) if hierarchy else 0
        if not source:
            return
        study = hierarchy.GetItemParent(source)
        # 3D Slicer makes the item when a node is added; other viewers may not.
        item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(study, node)
        hierarchy.SetItemParent(item, study)

    def _add_node(self, kind: str, title: str) -> Any:
        return self._scene.AddNewNodeByClass(f"vtkMRML{kind}Node", self._node_name(title))

    def _node_name(self, title: str) -> str:
        return f"{self._source.GetName()}: {title}"

    def _read(self, reader: Callable[[Path], T], file: str) -> T:
        from mobseg.errors import InvalidInput  # noqa: PLC0415

        try:
            return reader(self._folder / file)
        except InvalidInput as error:
            raise _unusable(file) from error


def _unusable(file: str) -> Exception:
    from mobseg.errors import InvalidInput  # noqa: PLC0415

    return InvalidInput(
        f"{file} of the prediction folder is missing or damaged, or does not belong to it; segment the "
        "image again."
    )
