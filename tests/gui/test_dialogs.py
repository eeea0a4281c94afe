"""Windows of their own."""

from __future__ import annotations

import pytest

from tests.gui.conftest import needs

slicer = needs("slicer")
QtWidgets = needs("PySide6.QtWidgets")
pytestmark = pytest.mark.slicer


def _open_dialogs():
    window = slicer.util.mainWindow()
    return [d for d in window.findChildren(QtWidgets.QDialog) if not d.isHidden()]


def test_details_are_shown_in_a_window_and_can_be_copied(module) -> None:
    messages, ui = module.widget.panel.messages, module.widget.ui
    messages.show_error("The worker ended.", "line 1\nline 2")
    ui.messageDetailsButton.click()
    (dialog,) = _open_dialogs()
    (view,) = dialog.findChildren(QtWidgets.QPlainTextEdit)
    assert view.toPlainText() == "line 1\nline 2"
    assert view.readOnly
    (close,) = dialog.findChildren(QtWidgets.QPushButton)
    close.click()
    assert _open_dialogs() == []


def test_questions_are_agreed_to_in_testing_mode(module) -> None:
    assert module.widget.panel.services.dialogs.confirm("Remove it?")
