"""The menu beside the list of models: about, import, add a folder, remove."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from MoBSegmentationLib.model_entry import ModelEntry
from MoBSegmentationLib.panels.input_panel import InputPanel
from MoBSegmentationLib.panels.message_bar import MessageBar
from MoBSegmentationLib.panels.services import Services


class ModelMenu:
    """Manages the models of this user.

    Args:
        ui: the loaded ``.ui``.
        services: models and dialogs.
        messages: for failures.
        inputs: whose list of models follows.
    """

    def __init__(
        self, ui: Any, services: Services, messages: MessageBar, inputs: InputPanel
    ) -> None:
        self._services = services
        self._messages = messages
        self._inputs = inputs
        # The button does not own its menu.
        self._menu = qt.QMenu(ui.modelMenuButton)
        self._add(_("About this model..."), self.show_about)
        self._add(_("Import a model (zip)..."), self._import)
        self._add(_("Add a folder of a trained nnU-Net model..."), self._add_folder)
        self._remove_action = self._add(_("Remove this model"), self._remove)
        self._menu.connect("aboutToShow()", self._update)
        ui.modelMenuButton.setMenu(self._menu)

    def show_about(self) -> None:
        """Show the card of the chosen model."""
        if self._inputs.model is not None:
            self._services.dialogs.show_text(self._inputs.model.name, _card(self._inputs.model))

    def _add(self, text: str, action: Any) -> Any:
        entry = self._menu.addAction(text)
        entry.connect("triggered()", action)
        return entry

    def _update(self) -> None:
        model = self._inputs.model
        self._remove_action.setEnabled(model is not None and model.can_be_removed)

    def _import(self) -> None:
        path = self._services.dialogs.open_file(_("Import a model"), _("Models (*.zip)"))
        if path is not None:
            with self._messages.reporting():
                self._inputs.fill_models(self._services.models.import_bundle(path).key)

    def _add_folder(self) -> None:
        path = self._services.dialogs.open_folder(_("Folder of a trained nnU-Net model"))
        if path is not None:
            with self._messages.reporting():
                self._inputs.fill_models(self._services.models.add_folder(path).key)

    def _remove(self) -> None:
        model = self._inputs.model
        question = _("Remove the model '{name}' from this computer?")
        if model is not None and self._services.dialogs.confirm(question.format(name=model.name)):
            with self._messages.reporting():
                self._services.models.remove(model)
            self._inputs.fill_models()


def _card(model: ModelEntry) -> str:
    """What a user should know of a model before trusting it."""
    variance = _("yes") if model.is_stochastic else _("no, only entropy and disagreement")
    lines = (
        (_("Structures"), ", ".join(model.structures)),
        (_("Intended use"), model.intended_use),
        (_("Limits"), model.limits),
        (_("Training data"), model.training_data),
        (_("Predicts a variance"), variance),
        (_("Regions are ranked by"), model.score.replace("_", " ")),
        (_("Licence"), model.licence),
    )
    return "\n\n".join(f"{title}: {text}" for title, text in lines if text)
