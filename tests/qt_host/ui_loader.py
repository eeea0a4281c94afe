"""Loads ``.ui`` files with the stand-ins; whatever 3D Slicer would ignore or refuse raises."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject
from PySide6.QtUiTools import QUiLoader as PySideUiLoader

from tests.qt_host import ctk_widgets, mrml_widgets, pythonqt, segment_editor_widget

STAND_INS = {
    **ctk_widgets.WIDGETS,
    **mrml_widgets.WIDGETS,
    **segment_editor_widget.WIDGETS,
}


class QUiLoader(PySideUiLoader):
    """``qt.QUiLoader`` with custom widgets, connections and checks."""

    def load(self, device, parent=None):
        """Load a ``.ui`` file.

        Raises:
            RuntimeError: a custom widget has no stand-in, a property does not exist, or a connection names a
                signal or slot that does not exist.
        """
        root = ElementTree.fromstring(bytes(device.readAll().data()))
        connections = root.find("connections")
        if connections is not None:
            root.remove(connections)  # PySide6 cannot make those of custom widgets
        for custom in root.iter("customwidget"):
            name = custom.findtext("class")
            if name not in STAND_INS:
                raise RuntimeError(f"the custom widget {name} has no stand-in")
            self.registerCustomWidget(STAND_INS[name])
        widget = self._load_tree(root, parent)
        named = {w.objectName: w for w in (widget, *widget.findChildren(QObject)) if w.objectName}
        _check_properties(root, named)
        for connection in connections if connections is not None else ():
            sender, receiver = (named[connection.findtext(end)] for end in ("sender", "receiver"))
            sender.connect(connection.findtext("signal"), receiver, connection.findtext("slot"))
        return widget

    def _load_tree(self, root, parent):
        buffer = QBuffer()
        buffer.setData(QByteArray(ElementTree.tostring(root)))
        buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        with pythonqt.attributes_allowed():
            widget = super().load(buffer, parent)
        if widget is None:
            raise RuntimeError(self.errorString())
        return widget


def _check_properties(root, named) -> None:
    """A misspelt property becomes a dynamic one that nobody reads."""
    intended = {
        element.get("name"): {
            p.get("name") for p in element.findall("property") if p.get("stdset") == "0"
        }
        for element in root.iter("widget")
    }
    for name, widget in named.items():
        if not widget.isWidgetType():
            continue  # the loader keeps the margins of layouts as dynamic properties
        dynamic = {bytes(key.data()).decode() for key in widget.dynamicPropertyNames()}
        unknown = {key for key in dynamic if not key.startswith("_")} - intended.get(name, set())
        if unknown:
            raise RuntimeError(f"'{name}' has no properties {sorted(unknown)}")
