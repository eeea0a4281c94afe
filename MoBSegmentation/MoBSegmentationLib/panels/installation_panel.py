"""What the worker needs: says what is missing, installs it after one question, checks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from MoBSegmentationLib.installer import InstallationError
from MoBSegmentationLib.panels.message_bar import MessageBar
from MoBSegmentationLib.panels.services import Services


class InstallationPanel:
    """Visible only while something is missing.

    Args:
        ui: the loaded ``.ui``.
        services: installer and dialogs.
        messages: for failures.
        on_change: called after an installation.
    """

    def __init__(
        self, ui: Any, services: Services, messages: MessageBar, on_change: Callable[[], None]
    ) -> None:
        self._ui = ui
        self._services = services
        self._messages = messages
        self._on_change = on_change
        self._missing = services.installer.missing()
        ui.installButton.connect("clicked()", self.install)
        ui.checkInstallationButton.connect("clicked()", self.check)
        self._refresh()

    def obstacle(self) -> str | None:
        """Why nothing can be segmented yet; ``None`` if everything is installed."""
        return _("Install the missing packages first.") if self._missing else None

    def install(self) -> None:
        """Ask, install, and show how it goes."""
        self._messages.clear()
        installer = self._services.installer
        try:
            with slicer.util.WaitCursor():
                installer.install(self._services.dialogs.confirm, self._show_line)
        except InstallationError as error:
            self._messages.show_error(str(error), error.details)
        finally:
            self._missing = installer.missing()
            self._refresh()
            self._on_change()

    def check(self) -> None:
        """Show what is installed and what is not."""
        lines = [
            f"{_('OK') if line.is_ok else _('MISSING')}  {line.subject}: {line.text}"
            for line in self._services.installer.check()
        ]
        self._services.dialogs.show_text(_("Installation"), "\n".join(lines))

    def _show_line(self, line: str) -> None:
        self._ui.installLabel.setText(line)
        slicer.app.processEvents()

    def _refresh(self) -> None:
        self._ui.installFrame.setVisible(bool(self._missing))
        names = ", ".join(f"{package.name} ({package.size})" for package in self._missing)
        self._ui.installLabel.setText(
            _("Segmentation needs packages that are not installed: {names}.").format(names=names)
        )
