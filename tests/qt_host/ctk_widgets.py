"""Stand-ins for the CTK widgets that the module uses."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QStyle,
    QStyleOptionButton,
    QToolButton,
    QWidget,
)

from tests.qt_host.standin import delegated, stored


class ctkCollapsibleButton(QAbstractButton):
    """A titled section that folds away."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {"contentsCollapsed(bool)": "contentsCollapsed"}
    contentsCollapsed = Signal(bool)
    _HEAD = 26

    def __init__(self, text="", parent=None):
        if isinstance(text, QWidget):
            text, parent = "", text
        super().__init__(parent)
        self._hidden, self._is_folding = set(), False
        self.setCheckable(True)
        self.setChecked(True)
        self.setText(text)
        self.setContentsMargins(0, self._HEAD, 0, 0)
        self.toggled.connect(self._toggled)

    collapsed = delegated(bool, lambda s: not s.isChecked(), lambda s, v: s.setChecked(not v))
    contentsLineWidth = stored("contentsLineWidth", int, 1)
    flat = stored("flat", bool, False)

    def _toggled(self, opened):
        for child in self.children():
            if isinstance(child, QWidget):
                self._show_child(child, opened)
        self.updateGeometry()
        self.contentsCollapsed.emit(not opened)

    def _show_child(self, child, opened):
        """As in CTK: a child that was hidden on purpose stays hidden when the section unfolds."""
        self._is_folding = True
        child.setVisible(opened and child not in self._hidden)
        self._is_folding = False

    def childEvent(self, event):
        child = event.child()
        if event.added() and isinstance(child, QWidget):
            child.installEventFilter(self)
            if not self.isChecked():
                self._show_child(child, False)
        super().childEvent(event)

    def eventFilter(self, child, event):
        if self._is_folding:
            return False
        if event.type() == QEvent.Type.HideToParent:
            self._hidden.add(child)
        elif event.type() == QEvent.Type.ShowToParent:
            self._hidden.discard(child)
            if not self.isChecked():
                self._show_child(child, False)
        return False

    def _is_folded(self):
        return not self.isChecked() or self.layout() is None

    def sizeHint(self):
        if self._is_folded():
            width = self.fontMetrics().horizontalAdvance(self.text) + 40
            return QSize(width, self._HEAD)
        return self.layout().totalSizeHint()

    def minimumSizeHint(self):
        return QSize(60, self._HEAD) if self._is_folded() else self.layout().totalMinimumSize()

    def hasHeightForWidth(self):
        return not self._is_folded() and self.layout().hasHeightForWidth()

    def heightForWidth(self, width):
        return self._HEAD if self._is_folded() else self.layout().totalHeightForWidth(width)

    def hitButton(self, position):
        return position.y() < self._HEAD

    def paintEvent(self, _event):
        painter = QPainter(self)
        option = QStyleOptionButton()
        option.initFrom(self)
        option.rect = QRect(0, 0, self.width, self._HEAD - 2)
        style = self.style()
        style.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option, painter, self)
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(option.rect.adjusted(24, 0, 0, 0), left, self.text)
        arrow = QStyleOptionButton()
        arrow.initFrom(self)
        arrow.rect = QRect(6, 6, 12, self._HEAD - 14)
        opened, folded = (
            QStyle.PrimitiveElement.PE_IndicatorArrowDown,
            QStyle.PrimitiveElement.PE_IndicatorArrowRight,
        )
        style.drawPrimitive(opened if self.isChecked() else folded, arrow, painter, self)


class ctkPathLineEdit(QWidget):
    """A path with a button that browses."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {"currentPathChanged(QString)": "currentPathChanged"}
    currentPathChanged = Signal(str)
    Dirs, Files, Executable, Readable, Writable = 0x1, 0x2, 0x40, 0x10, 0x20

    def __init__(self, parent=None):
        super().__init__(parent)
        self._edit, self._button = QComboBox(self), QToolButton(self)
        self._edit.setEditable(True)
        self._button.setText("...")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._edit, 1)
        row.addWidget(self._button)
        self._edit.lineEdit().textChanged.connect(self.currentPathChanged)
        self._button.clicked.connect(self.browse)

    def setCurrentPath(self, path):
        self._edit.lineEdit().setText(path)

    def browse(self):
        ask = QFileDialog.getExistingDirectory if self.filters & self.Dirs else None
        path = ask(self) if ask else QFileDialog.getOpenFileName(self)
        if path:
            self.setCurrentPath(path)

    currentPath = delegated(str, lambda s: s._edit.currentText, setCurrentPath)
    filters = stored("filters", int, Files)


WIDGETS = {widget.__name__: widget for widget in (ctkCollapsibleButton, ctkPathLineEdit)}
