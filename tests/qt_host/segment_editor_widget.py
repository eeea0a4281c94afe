"""A stand-in for the embedded Segment Editor: real nodes, undo and redo; its effects are only names."""

from __future__ import annotations

from typing import ClassVar

import slicer
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QPushButton

from tests.qt_host.mrml_widgets import qMRMLWidget
from tests.qt_host.standin import stored

EFFECTS = ("None", "Paint", "Draw", "Erase", "Smoothing", "Islands")


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """Undo and redo are those of Slicer's ``vtkSlicerSegmentEditorLogic``, as in the application."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {}

    def __init__(self, parent=None):
        super().__init__(parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._node = None
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        self._buttons = QButtonGroup(self)
        for number, name in enumerate(EFFECTS):
            button = QPushButton(name, self)
            button.setCheckable(True)
            self._buttons.addButton(button)
            grid.addWidget(button, number // 3, number % 3)
        for column, (name, action) in enumerate((("Undo", self.undo), ("Redo", self.redo))):
            button = QPushButton(name, self)
            button.clicked.connect(action)
            grid.addWidget(button, len(EFFECTS) // 3, column)

    segmentationNodeSelectorVisible = stored("segmentationNodeSelectorVisible", bool, True)
    sourceVolumeNodeSelectorVisible = stored("sourceVolumeNodeSelectorVisible", bool, True)
    maskingSectionVisible = stored("maskingSectionVisible", bool, True)
    switchToSegmentationsButtonVisible = stored("switchToSegmentationsButtonVisible", bool, True)
    specifyGeometryButtonVisible = stored("specifyGeometryButtonVisible", bool, True)
    addRemoveSegmentButtonsVisible = stored("addRemoveSegmentButtonsVisible", bool, True)
    show3DButtonVisible = stored("show3DButtonVisible", bool, True)
    effectColumnCount = stored("effectColumnCount", int, 4)
    unorderedEffectsVisible = stored("unorderedEffectsVisible", bool, True)
    maximumNumberOfUndoStates = stored(
        "maximumNumberOfUndoStates",
        int,
        10,
        lambda self: self._logic.SetMaximumNumberOfUndoStates(self.maximumNumberOfUndoStates),
    )

    def setMRMLScene(self, scene):
        super().setMRMLScene(scene)
        self._logic.SetMRMLScene(scene)

    def setMRMLSegmentEditorNode(self, node):
        self._node = node
        self._logic.SetSegmentEditorNode(node)

    def mrmlSegmentEditorNode(self):
        return self._node

    def setSegmentationNode(self, node):
        if node is not None and self._node is None:
            raise RuntimeError("setSegmentationNode: the segment editor node is not set")
        if self._node is not None:
            self._logic.SetSegmentationNode(node)

    def segmentationNode(self):
        return self._node.GetSegmentationNode() if self._node else None

    def setSourceVolumeNode(self, node):
        if self._node is not None:
            self._logic.SetSourceVolumeNode(node)

    def sourceVolumeNode(self):
        return self._node.GetSourceVolumeNode() if self._node else None

    def setCurrentSegmentID(self, segment_id):
        self._node.SetSelectedSegmentID(segment_id)

    def currentSegmentID(self):
        return self._node.GetSelectedSegmentID() if self._node else ""

    def setEffectNameOrder(self, names):
        unknown = set(names) - set(EFFECTS)
        if unknown:
            raise RuntimeError(f"no stand-in for the effects {sorted(unknown)}")

    def setActiveEffectByName(self, name):
        if name not in EFFECTS:
            raise RuntimeError(f"no stand-in for the effect '{name}'")
        self._node.SetActiveEffectName("" if name == "None" else name)
        for button in self._buttons.buttons():
            button.setChecked(button.text == name)

    def setActiveEffect(self, effect):
        if effect is not None:
            raise RuntimeError("only setActiveEffect(None) has a stand-in")
        if self._node is not None:
            self.setActiveEffectByName("None")

    def saveStateForUndo(self):
        self._logic.SaveStateForUndo()

    def undo(self):
        self._logic.Undo()

    def redo(self):
        self._logic.Redo()

    def setupViewObservations(self):
        """There are no views whose clicks could be observed."""

    def removeViewObservations(self):
        """There are no views whose clicks could be observed."""

    def updateWidgetFromMRML(self):
        """Everything is read from the node when it is asked for."""

    def installKeyboardShortcuts(self, parent=None):
        """The stand-in has no effects to choose by key."""

    def uninstallKeyboardShortcuts(self):
        """The stand-in has no effects to choose by key."""


WIDGETS = {"qMRMLSegmentEditorWidget": qMRMLSegmentEditorWidget}
