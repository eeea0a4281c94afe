"""Keys work while the module is open, and only then; typing is not disturbed."""

from __future__ import annotations

import pytest

from tests.gui.conftest import needs

slicer = needs("slicer")
QtTest = needs("PySide6.QtTest")
QtCore = needs("PySide6.QtCore")
pytestmark = pytest.mark.slicer


@pytest.fixture
def clicks(module):
    """Names of the buttons that were clicked; the buttons are enabled, though there is no result."""
    names = []
    for name in ("nextButton", "previousButton", "acceptButton", "includeButton"):
        button = getattr(module.widget.ui, name)
        button.setEnabled(True)
        button.connect("clicked()", lambda name=name: names.append(name))
    window = slicer.util.mainWindow()
    window.show()
    window.activateWindow()
    window.setFocus()
    slicer.app.processEvents()
    return names


def _press(key: str) -> None:
    QtTest.QTest.keyClick(slicer.util.mainWindow(), getattr(QtCore.Qt.Key, f"Key_{key}"))


def test_each_key_clicks_its_button(clicks) -> None:
    for key in ("N", "P", "A", "I"):
        _press(key)
    assert clicks == ["nextButton", "previousButton", "acceptButton", "includeButton"]


def test_keys_do_nothing_after_the_module_was_left(module, clicks) -> None:
    module.panel.exit()
    slicer.app.processEvents()
    _press("N")
    assert clicks == []
    module.panel.enter()
    _press("N")
    assert clicks == ["nextButton"]


def test_typing_a_comment_is_no_shortcut(module, clicks) -> None:
    module.widget.ui.reviewSection.collapsed = False
    comment = module.widget.ui.commentEdit
    comment.setEnabled(True)
    comment.setFocus()
    QtTest.QTest.keyClicks(comment, "an aim")
    assert comment.text == "an aim"
    assert clicks == []
