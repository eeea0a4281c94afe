"""Stand-ins for the qMRML widgets that the module uses, bound to the real scene."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Property, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget
from shiboken6 import isValid

from tests.qt_host.standin import delegated, stored


class qMRMLWidget(QWidget):
    """A widget that knows a scene and hands it on."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}
    mrmlSceneChanged = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def setMRMLScene(self, scene):
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


class qSlicerWidget(QWidget):
    """Base of the module's container."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {}


class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """The container that the application makes for a module's panel."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {}

    def __init__(self, widget_class, parent=None):
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        self._entered = False
        self._widget = widget_class(self)
        self._widget.setup()

    isEntered = Property(bool, lambda self: self._entered)

    def self(self):
        return self._widget

    def enter(self):
        self._entered = True
        self._widget.enter()

    def exit(self):
        self._widget.exit()
        self._entered = False


class qMRMLNodeComboBox(QWidget):
    """The nodes of some classes in a scene."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "_current_node_is_valid",
    }
    currentNodeChanged = Signal(object)
    _current_node_is_valid = Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = self._current = None
        self._items, self._observed, self._busy = [], [], False
        self._box = QComboBox(self)
        QVBoxLayout(self).addWidget(self._box)
        self.layout().setContentsMargins(0, 0, 0, 0)
        self._box.currentIndexChanged.connect(self._index_changed)
        self._box.activated.connect(self._activated)

    nodeTypes = stored("nodeTypes", "QStringList", (), lambda self: self._refill())
    noneEnabled = stored("noneEnabled", bool, False, lambda self: self._refill())
    noneDisplay = stored("noneDisplay", str, "None", lambda self: self._refill())
    addEnabled = stored("addEnabled", bool, True, lambda self: self._refill())
    removeEnabled = stored("removeEnabled", bool, True)
    renameEnabled = stored("renameEnabled", bool, False)
    showChildNodeTypes = stored("showChildNodeTypes", bool, True, lambda self: self._refill())
    sizeAdjustPolicy = delegated(
        object,
        lambda self: self._box.sizeAdjustPolicy,
        lambda self, policy: self._box.setSizeAdjustPolicy(policy),
    )
    currentNodeID = delegated(
        str,
        lambda self: self._current.GetID() if self._current else "",
        lambda self, node_id: self.setCurrentNodeID(node_id),
    )

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        self._stop_observing()
        self._scene = scene
        if scene is not None:
            events = (
                scene.NodeAddedEvent,
                scene.NodeRemovedEvent,
                scene.EndCloseEvent,
                scene.EndImportEvent,
                scene.EndBatchProcessEvent,
            )
            for event in events:
                self._observed.append((scene, scene.AddObserver(event, self._scene_changed)))
        self._refill()

    def currentNode(self):
        return self._current

    def nodeCount(self):
        return sum(node is not None for node in self._items)

    def setCurrentNode(self, node):
        if isinstance(node, str):
            self.setCurrentNodeID(node)
        elif node is None and None not in self._items:
            self._show_index(-1)
        elif node in self._items:
            self._show_index(self._items.index(node))

    def setCurrentNodeID(self, node_id):
        self.setCurrentNode(self._scene.GetNodeByID(node_id) if node_id else None)

    def addNode(self, node_class=None):
        node_class = node_class or self.nodeTypes[0]
        name = self._scene.GenerateUniqueName(self._scene.GetTagByClassName(node_class))
        node = self._scene.AddNewNodeByClass(node_class, name)
        self.setCurrentNode(node)
        return node

    def _stop_observing(self):
        for scene, tag in self._observed:
            scene.RemoveObserver(tag)
        self._observed = []

    def _scene_changed(self, *_):
        if isValid(self):
            self._refill()
        else:
            self._stop_observing()

    def _accepts(self, node):
        if node.GetHideFromEditors():
            return False
        if self.showChildNodeTypes:
            return any(node.IsA(kind) for kind in self.nodeTypes)
        return node.GetClassName() in self.nodeTypes

    def _nodes(self):
        if self._scene is None or self._scene.IsClosing():
            return []
        count = self._scene.GetNumberOfNodes()
        return [node for node in map(self._scene.GetNthNode, range(count)) if self._accepts(node)]

    def _refill(self):
        was_empty = not self._items
        self._items = [None, *self._nodes()] if self.noneEnabled else self._nodes()
        model = QStandardItemModel(self._box)
        for node in self._items:
            model.appendRow(QStandardItem(node.GetName() if node else self.noneDisplay))
        if self.addEnabled and self._scene is not None:
            for kind in self.nodeTypes:
                title = f"Create new {self._scene.GetTagByClassName(kind)}"
                model.appendRow(QStandardItem(title))
        # As a QComboBox: the first row is chosen only where the list was empty before.
        first = 0 if self._items and (was_empty or self.noneEnabled) else -1
        index = self._items.index(self._current) if self._current in self._items else first
        self._busy = True
        self._box.setModel(model)
        self._busy = False
        self._show_index(index)

    def _show_index(self, index):
        self._busy = True
        self._box.setCurrentIndex(index)
        self._busy = False
        self._select(self._items[index] if index >= 0 else None)

    def _index_changed(self, index):
        if not self._busy and 0 <= index < len(self._items):
            self._select(self._items[index])

    def _activated(self, index):
        if index >= len(self._items):
            self.addNode(self.nodeTypes[index - len(self._items)])

    def _select(self, node):
        if node is not self._current:
            self._current = node
            self.currentNodeChanged.emit(node)
            self._current_node_is_valid.emit(node is not None)


WIDGETS = {
    widget.__name__: widget
    for widget in (
        qMRMLWidget,
        qSlicerWidget,
        qSlicerScriptedLoadableModuleWidget,
        qMRMLNodeComboBox,
    )
}
