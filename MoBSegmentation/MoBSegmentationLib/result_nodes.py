"""The nodes of one result in the scene, and how they are found again after a scene was loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobseg.prediction_folder.records import RunFile


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


def find_results(scene: Any) -> tuple[ResultNodes, ...]:
    """All complete results of a scene, in the order they were made.

    Results of which a needed node was deleted are left out; the volume that was segmented is not needed.
    """
    raise NotImplementedError


def remove_result(result: ResultNodes, scene: Any) -> None:
    """Remove a result, leaving the scene as it was before the result was loaded."""
    raise NotImplementedError
