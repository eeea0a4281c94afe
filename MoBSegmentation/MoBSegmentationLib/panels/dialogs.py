"""Questions to the user that need a window of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _


class Dialogs:
    """Dialogs above the application's main window."""

    def confirm(self, question: str) -> bool:
        """Whether the user agrees; in the application's testing mode everything is agreed to."""
        if slicer.app.testingEnabled():
            return True
        return bool(slicer.util.confirmYesNoDisplay(question, windowTitle="MoBSegmentation"))

    def open_file(self, title: str, name_filter: str) -> Path | None:
        """A file that exists; ``None`` if the user cancelled."""
        return _path(qt.QFileDialog.getOpenFileName(_parent(), title, "", name_filter))

    def open_folder(self, title: str) -> Path | None:
        """A folder that exists; ``None`` if the user cancelled."""
        return _path(qt.QFileDialog.getExistingDirectory(_parent(), title))

    def show_text(self, title: str, text: str) -> None:
        """Show plain text that can be selected and copied."""
        dialog = qt.QDialog(_parent())
        dialog.setWindowTitle(title)
        dialog.setModal(True)
        layout = qt.QVBoxLayout(dialog)
        view = qt.QPlainTextEdit(text)
        view.setReadOnly(True)
        view.setMinimumSize(560, 320)
        layout.addWidget(view)
        close = qt.QPushButton(_("Close"))
        close.connect("clicked()", dialog.accept)
        layout.addWidget(close)
        dialog.setAttribute(qt.Qt.WA_DeleteOnClose)
        dialog.show()


def _parent() -> Any:
    return slicer.util.mainWindow()


def _path(answer: str) -> Path | None:
    return Path(answer) if answer else None
