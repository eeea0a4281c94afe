"""The nodes of one result in the scene, and how they are found again after a scene was loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobseg.prediction_folder.records import RunFile

_MARK = "MoBSegmentation.Result"
_RUN = "run"
# Roles of the references of the result node; those with one node for each label refer to several.
_SOURCE = "source"
_SINGLE = ("segmentation", "prediction", "score", "entropy")
_PER_LABEL = ("variances", "probabilities")

#: Role of the painted surfaces, which the display makes.
SURFACE = "surface"


@dataclass(frozen=True)
class ResultNodes:
    """One result.

    Attributes:
        result: ``vtkMRMLScriptedModuleNode`` that holds the references and the state of the review.
        source: ``vtkMRMLScalarVolumeNode`` that was segmented; ``None`` if it was deleted.
        segmentation: ``vtkMRMLSegmentationNode`` to review and edit.
        prediction: ``vtkMRMLLabelMapVolumeNode``, the labels as predicted; never edited.
        score: ``vtkMRMLScalarVolumeNode``, the map that regions are flagged and ranked by.
        variances: a ``vtkMRMLScalarVolumeNode`` of Var[p] for each label, in the order of the label table.
        probabilities: the same for E[p].
        entropy: ``vtkMRMLScalarVolumeNode`` in nats.
        run: content of ``run.json``: label table, threshold, model, and whether the model is stochastic.
    """

    result: Any
    source: Any
    segmentation: Any
    prediction: Any
    score: Any
    variances: tuple[Any, ...]
    probabilities: tuple[Any, ...]
    entropy: Any
    run: RunFile

    @property
    def volumes(self) -> tuple[Any, ...]:
        """All volume nodes that belong to the result; the score may be one of the other maps."""
        maps = (self.prediction, *self.variances, *self.probabilities, self.entropy)
        return maps if self.score in maps else (*maps, self.score)

    def is_in_scene(self) -> bool:
        """Whether every needed node is still there."""
        scene = self.result.GetScene()
        nodes = (self.result, self.segmentation, *self.volumes)
        return scene is not None and all(node.GetScene() is scene for node in nodes)


def mark_result(nodes: ResultNodes, run_json: str) -> None:
    """Write into the result node what :func:`find_results` needs.

    Args:
        nodes: the result.
        run_json: text of ``run.json``.
    """
    node = nodes.result
    node.SetAttribute(_MARK, "1")
    node.SetParameter(_RUN, run_json)
    node.SetNodeReferenceID(_SOURCE, nodes.source.GetID())
    for role in _SINGLE:
        node.SetNodeReferenceID(role, getattr(nodes, role).GetID())
    for role in _PER_LABEL:
        for volume in getattr(nodes, role):
            node.AddNodeReferenceID(role, volume.GetID())


def find_results(scene: Any) -> tuple[ResultNodes, ...]:
    """All complete results of a scene, in the order they were made.

    Results of which a needed node was deleted are left out; the volume that was segmented is not needed.
    """
    count = scene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode")
    nodes = [scene.GetNthNodeByClass(n, "vtkMRMLScriptedModuleNode") for n in range(count)]
    found = (_read_result(node) for node in nodes if node.GetAttribute(_MARK))
    return tuple(result for result in found if result is not None)


def _read_result(node: Any) -> ResultNodes | None:
    from mobseg.errors import InvalidInput  # noqa: PLC0415
    from mobseg.prediction_folder.records import parse_run_file  # noqa: PLC0415

    single = {role: node.GetNodeReference(role) for role in _SINGLE}
    per_label = {
        role: tuple(
            node.GetNthNodeReference(role, n) for n in range(node.GetNumberOfNodeReferences(role))
        )
        for role in _PER_LABEL
    }
    try:
        run = parse_run_file(node.GetParameter(_RUN).encode("utf-8"))
    except InvalidInput:
        return None
    n_labels = len(run.label_table)
    is_complete = all(single.values()) and all(
        len(volumes) == n_labels and all(volumes) for volumes in per_label.values()
    )
    if not is_complete:
        return None
    source = node.GetNodeReference(_SOURCE)
    return ResultNodes(result=node, source=source, run=run, **single, **per_label)


def remove_result(result: ResultNodes, scene: Any) -> None:
    """Remove a result, leaving the scene as it was before the result was loaded."""
    for node in (result.segmentation, *result.volumes, *surfaces_of(result.result), result.result):
        remove_with_dependants(node, scene)


def surfaces_of(node: Any) -> tuple[Any, ...]:
    """The painted surfaces that a result node keeps track of; ``None`` for those that were deleted."""
    count = node.GetNumberOfNodeReferences(SURFACE)
    return tuple(node.GetNthNodeReference(SURFACE, n) for n in range(count))


def remove_with_dependants(node: Any, scene: Any) -> None:
    """Remove a node with its display nodes (legends are among them) and storage nodes."""
    if node is None or node.GetScene() is not scene:
        return
    dependants = []
    if node.IsA("vtkMRMLDisplayableNode"):
        dependants += [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    if node.IsA("vtkMRMLStorableNode"):
        dependants += [node.GetNthStorageNode(n) for n in range(node.GetNumberOfStorageNodes())]
    scene.RemoveNode(node)
    for dependant in dependants:
        if dependant is not None and dependant.GetScene() is scene:
            scene.RemoveNode(dependant)
