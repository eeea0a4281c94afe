"""Puts the panels together and follows the scene."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from MoBSegmentationLib.display import ResultDisplay
from MoBSegmentationLib.panels.decision_panel import DecisionPanel
from MoBSegmentationLib.panels.edit_panel import EditPanel
from MoBSegmentationLib.panels.export_panel import ExportPanel
from MoBSegmentationLib.panels.input_panel import InputPanel
from MoBSegmentationLib.panels.installation_panel import InstallationPanel
from MoBSegmentationLib.panels.message_bar import MessageBar
from MoBSegmentationLib.panels.model_menu import ModelMenu
from MoBSegmentationLib.panels.open_review import OpenReview
from MoBSegmentationLib.panels.region_panel import RegionPanel
from MoBSegmentationLib.panels.result_panel import ResultPanel
from MoBSegmentationLib.panels.run_panel import RunPanel
from MoBSegmentationLib.panels.services import Services
from MoBSegmentationLib.panels.shortcuts import Shortcuts
from MoBSegmentationLib.panels.threshold_panel import ThresholdPanel
from MoBSegmentationLib.restricted_editing import RestrictedEditing
from MoBSegmentationLib.result_nodes import ResultNodes, find_results, remove_result
from MoBSegmentationLib.review_session import ReviewSession


class ModulePanel:
    """The whole panel.

    Args:
        ui: the loaded ``.ui``.
        services: what the panels work with.
    """

    def __init__(self, ui: Any, services: Services) -> None:
        self._ui = ui
        self.services = services
        self._parameters: Any = None
        self._review: OpenReview | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._run: RunPanel | None = None
        scene = services.scene
        self.messages = MessageBar(ui, services.dialogs)
        self.inputs = InputPanel(ui, services, self._refresh_run)
        self._model_menu = ModelMenu(ui, services, self.messages, self.inputs)
        installation = InstallationPanel(ui, services, self.messages, self._refresh_run)
        self._results = ResultPanel(ui, self._open_by_id, self._remove_result)
        self._threshold = ThresholdPanel(ui)
        self._regions = RegionPanel(ui, scene, self._region_selected)
        self._decisions = DecisionPanel(ui, self.messages, self._regions)
        self.edit = EditPanel(ui, scene, self._regions)
        self._export = ExportPanel(ui, self.messages)
        self._run = RunPanel(ui, services, self.messages, self.inputs, installation, self._open_new)
        self._shortcuts = self._make_shortcuts()
        self._show(None)

    @property
    def review(self) -> OpenReview | None:
        """The result that is open."""
        return self._review

    def enter(self, window: Any, parameters: Any) -> None:
        """The module was opened; shortcuts work from now on."""
        self._shortcuts.install(window)
        self.set_parameters(parameters)

    def exit(self) -> None:
        """Another module was opened."""
        self._shortcuts.uninstall()
        self.edit.leave()

    def set_parameters(self, parameters: Any) -> None:
        """Follow another parameter node, and open the result it names."""
        self._parameters = parameters
        self.inputs.set_parameters(parameters)
        results = find_results(self.services.scene)
        open_node = self._review.nodes.result if self._review else None
        wanted = parameters.result or open_node
        chosen = next((result for result in results if result.result is wanted), None)
        if chosen is None and results:
            chosen = results[-1]
        if chosen is not None and chosen.result is not open_node:
            self._open(chosen)
        self._list_results()

    def scene_closing(self) -> None:
        """All nodes are about to be deleted."""
        if self._run is not None:
            self._run.cancel()
        self._close()
        self.edit.detach()
        self._parameters = None
        self.inputs.set_parameters(None)
        self.messages.clear()

    def node_added(self) -> None:
        """If there is no image yet, take the one that is being loaded, once it is there."""
        if self._parameters is not None and self.inputs.volume is None:
            qt.QTimer.singleShot(0, self.inputs.preselect)

    def node_removed(self) -> None:
        """If it belonged to the open result, close this."""
        if self._review is not None and not self._review.nodes.is_in_scene():
            self._close()
            self.messages.show_note(_("A part of the result was deleted, so it was closed."))
        if self._run is not None:
            self._run.node_removed()
        if self._parameters is not None:
            self._list_results()

    def cleanup(self) -> None:
        """The panel is deleted; end the worker."""
        self._shortcuts.uninstall()
        self._close()
        if self._run is not None:
            self._run.shutdown()

    def _open_new(self, nodes: ResultNodes) -> None:
        model = self.inputs.model
        curve = model.review_curve.to_dict() if model and model.review_curve else None
        self._open(nodes, functools.partial(ReviewSession, review_curve=curve))

    def _open_by_id(self, node_id: str) -> None:
        for result in find_results(self.services.scene):
            if result.result.GetID() == node_id:
                self._open(result)

    def _open(
        self, nodes: ResultNodes, make_session: Callable[..., ReviewSession] = ReviewSession.restore
    ) -> None:
        self._close()
        scene = self.services.scene
        with self.messages.reporting(), slicer.util.WaitCursor():
            self.edit.attach(nodes.segmentation, nodes.source)
            session = make_session(scene, nodes, save_state=self.edit.save_state_for_undo)
            review = OpenReview(
                nodes=nodes,
                display=ResultDisplay(nodes, scene, self.services.color_logic),
                session=session,
                editing=RestrictedEditing(nodes.segmentation, session),
            )
            review.display.set_threshold(session.threshold)
            self._unsubscribe = session.subscribe(self._session_changed)
            self._parameters.result = nodes.result
            self._hide_others(nodes)
            self._show(review)
            self._regions.select_next_open()
        self._list_results()

    def _hide_others(self, nodes: ResultNodes) -> None:
        """Outlines of several results over one another cannot be told apart."""
        for result in find_results(self.services.scene):
            result.segmentation.SetDisplayVisibility(result.result is nodes.result)

    def _close(self) -> None:
        self._unsubscribe()
        self._unsubscribe = lambda: None
        review, self._review = self._review, None
        if review is not None:
            review.editing.disable()
            if review.nodes.is_in_scene():
                review.display.show_surface_with_variance(False)
                review.display.hide()
        self._show(None)

    def _remove_result(self) -> None:
        question = _("Remove this result and its review from the scene?")
        if self._review is None or not self.services.dialogs.confirm(question):
            return
        nodes = self._review.nodes
        self._close()
        self.edit.detach()
        with self.messages.reporting():
            remove_result(nodes, self.services.scene)
        self._parameters.result = None
        remaining = find_results(self.services.scene)
        if remaining:
            self._open(remaining[-1])
        self._list_results()

    def _list_results(self) -> None:
        chosen = self._review.nodes.result.GetID() if self._review else ""
        self._results.list_results(find_results(self.services.scene), chosen)

    def _show(self, review: OpenReview | None) -> None:
        self._review = review
        for panel in (
            self._results,
            self._threshold,
            self._regions,
            self._decisions,
            self.edit,
            self._export,
        ):
            panel.show(review)
        # Without a result there is nothing to review or export.
        self._ui.reviewSection.collapsed = review is None
        self._ui.exportSection.collapsed = review is None

    def _session_changed(self) -> None:
        self._threshold.refresh()
        self._regions.refresh()

    def _region_selected(self) -> None:
        self._decisions.refresh()

    def _refresh_run(self) -> None:
        if self._run is not None:
            self._run.refresh()

    def _make_shortcuts(self) -> Shortcuts:
        ui = self._ui
        return Shortcuts(
            (
                ("N", ui.nextButton.click),
                ("P", ui.previousButton.click),
                ("Shift+N", ui.nextOpenButton.click),
                ("A", ui.acceptButton.click),
                ("R", ui.rejectButton.click),
                ("E", ui.editButton.click),
                ("I", ui.includeButton.click),
                ("X", ui.excludeButton.click),
                ("O", self._results.toggle_overlay),
            )
        )
