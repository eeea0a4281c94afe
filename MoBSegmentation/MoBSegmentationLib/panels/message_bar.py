"""One sentence at the top of the panel, with the details behind a button."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from slicer.i18n import tr as _

from MoBSegmentationLib.panels.dialogs import Dialogs

_ERROR_COLOR = "#c0392b"
_NOTE_COLOR = "#2d7fc1"


class MessageBar:
    """Shows failures and notes; never a traceback.

    Args:
        ui: the loaded ``.ui``.
        dialogs: for the details.
    """

    def __init__(self, ui: Any, dialogs: Dialogs) -> None:
        self._ui = ui
        self._dialogs = dialogs
        self._details = ""
        ui.messageDetailsButton.connect("clicked()", self._show_details)
        ui.messageCloseButton.connect("clicked()", self.clear)
        self.clear()

    def show_error(self, sentence: str, details: str = "") -> None:
        """Say what is wrong and what to do."""
        self._show(sentence, details, _ERROR_COLOR)

    def show_note(self, sentence: str) -> None:
        """Say something worth knowing."""
        self._show(sentence, "", _NOTE_COLOR)

    def clear(self) -> None:
        """Take the message away."""
        self._ui.messageFrame.setVisible(False)
        self._ui.messageLabel.setText("")
        self._details = ""

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """Show what goes wrong in the block, and go on behind it.

        Of an unexpected failure only the places in the code are shown, since its text can name a patient.
        """
        from mobseg.errors import MobsegError  # noqa: PLC0415
        from mobseg.failure import describe_failure, traceback_without_text  # noqa: PLC0415

        try:
            yield
        except MobsegError as error:
            self.show_error(str(error))
        except Exception as error:
            logging.error("MoBSegmentation: unexpected %s", type(error).__name__)
            self.show_error(describe_failure(error).sentence, traceback_without_text(error))

    def _show(self, sentence: str, details: str, color: str) -> None:
        self._details = details
        self._ui.messageLabel.setText(sentence)
        self._ui.messageFrame.setStyleSheet(
            f"QFrame#messageFrame {{ border: 1px solid {color}; border-left: 5px solid {color}; }}"
        )
        self._ui.messageDetailsButton.setVisible(bool(details))
        self._ui.messageFrame.setVisible(True)

    def _show_details(self) -> None:
        self._dialogs.show_text(_("Details"), self._details)
