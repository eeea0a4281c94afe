"""Step 4: write the outcome of the review."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from MoBSegmentationLib.export import export_review
from MoBSegmentationLib.panels.availability import Availability
from MoBSegmentationLib.panels.message_bar import MessageBar
from MoBSegmentationLib.panels.open_review import OpenReview


class ExportPanel:
    """Makes a new folder for each export.

    Args:
        ui: the loaded ``.ui``.
        messages: for failures.
    """

    def __init__(self, ui: Any, messages: MessageBar) -> None:
        self._ui = ui
        self._messages = messages
        self._review: OpenReview | None = None
        self._button = Availability((ui.exportButton,))
        ui.exportFolderEdit.filters = ctk.ctkPathLineEdit.Dirs
        ui.exportFolderEdit.connect("currentPathChanged(QString)", self._refresh)
        ui.exportButton.connect("clicked()", self.export)
        self.show(None)

    def show(self, review: OpenReview | None) -> None:
        """Show another review, or none."""
        self._review = review
        self._ui.exportLabel.setText("")
        self._refresh()

    def export(self) -> None:
        """Write a folder of its own, named by the time, into the chosen folder."""
        if self._review is None:
            return
        self._messages.clear()
        name = datetime.datetime.now().strftime("review_%Y-%m-%d_%H%M%S")
        folder = Path(self._ui.exportFolderEdit.currentPath) / name
        with self._messages.reporting(), slicer.util.WaitCursor():
            export_review(self._review.session, folder)
            self._show_folder(folder)

    def _show_folder(self, folder: Path) -> None:
        url = qt.QUrl.fromLocalFile(str(folder)).toString()
        text = _("Written to {link}.").format(link=f'<a href="{url}">{folder.name}</a>')
        self._ui.exportLabel.setText(text)

    def _refresh(self, *_changed: Any) -> None:
        obstacle = None
        if self._review is None:
            obstacle = _("There is no result to export.")
        elif not self._ui.exportFolderEdit.currentPath:
            obstacle = _("Choose a folder first.")
        self._button.set(obstacle)
