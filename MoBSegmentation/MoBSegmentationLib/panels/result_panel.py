"""Step 3, above: which result, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from slicer.i18n import tr as _

from MoBSegmentationLib.panels import choice_box
from MoBSegmentationLib.panels.availability import Availability
from MoBSegmentationLib.panels.open_review import OpenReview
from MoBSegmentationLib.result_nodes import ResultNodes


class ResultPanel:
    """Chooses a result and its display.

    Args:
        ui: the loaded ``.ui``.
        on_choice: given the id of the result node that was chosen.
        on_remove: called to remove the open result.
    """

    def __init__(
        self, ui: Any, on_choice: Callable[[str], None], on_remove: Callable[[], None]
    ) -> None:
        self._ui = ui
        self._on_choice = on_choice
        self._review: OpenReview | None = None
        self._controls = Availability(
            (
                ui.resultSelector,
                ui.removeResultButton,
                ui.mapSelector,
                ui.overlayButton,
                ui.opacitySlider,
                ui.outlineCheckBox,
                ui.legendCheckBox,
                ui.surfaceCheckBox,
            )
        )
        ui.resultSelector.connect("currentIndexChanged(int)", self._result_chosen)
        ui.removeResultButton.connect("clicked()", on_remove)
        ui.mapSelector.connect("currentIndexChanged(int)", self._map_chosen)
        ui.overlayButton.connect("toggled(bool)", self._overlay_toggled)
        ui.opacitySlider.connect("valueChanged(int)", self._opacity_changed)
        ui.outlineCheckBox.connect("toggled(bool)", self._outline_toggled)
        ui.legendCheckBox.connect("toggled(bool)", self._legend_toggled)
        ui.surfaceCheckBox.connect("toggled(bool)", self._surface_toggled)

    def list_results(self, results: Sequence[ResultNodes], chosen: str) -> None:
        """Offer the results of the scene; ``chosen`` is the id of the open one's node."""
        entries = [
            (result.result.GetID(), _title(number, result))
            for number, result in enumerate(results, start=1)
        ]
        choice_box.fill(self._ui.resultSelector, entries, chosen)

    def show(self, review: OpenReview | None) -> None:
        """Show another result, or none."""
        self._review = review
        self._controls.set(None if review else _("There is no result yet; segment an image first."))
        if review is None:
            choice_box.fill(self._ui.mapSelector, (), "")
            return
        maps = [(shown.key, shown.title) for shown in review.display.maps]
        choice_box.fill(self._ui.mapSelector, maps, review.display.shown_map.key)
        review.display.show()
        self._apply_choices(review)

    def toggle_overlay(self) -> None:
        """Show or hide the heat map."""
        if self._review is not None:
            self._ui.overlayButton.toggle()

    def _apply_choices(self, review: OpenReview) -> None:
        """A new result is shown as the one before."""
        review.display.set_overlay_opacity(self._ui.opacitySlider.value / 100)
        review.display.set_outline_visible(self._ui.outlineCheckBox.checked)
        review.display.set_legend_visible(self._ui.legendCheckBox.checked)
        was_blocked = self._ui.overlayButton.blockSignals(True)
        self._ui.overlayButton.setChecked(review.display.overlay_visible)
        self._ui.overlayButton.blockSignals(was_blocked)
        review.display.show_surface_with_variance(self._ui.surfaceCheckBox.checked)

    def _result_chosen(self, _index: int) -> None:
        self._on_choice(choice_box.chosen_key(self._ui.resultSelector))

    def _map_chosen(self, _index: int) -> None:
        if self._review is not None:
            self._review.display.show_map(choice_box.chosen_key(self._ui.mapSelector))

    def _overlay_toggled(self, checked: bool) -> None:
        if self._review is not None:
            self._review.display.set_overlay_visible(checked)

    def _opacity_changed(self, percent: int) -> None:
        if self._review is not None:
            self._review.display.set_overlay_opacity(percent / 100)

    def _outline_toggled(self, checked: bool) -> None:
        if self._review is not None:
            self._review.display.set_outline_visible(checked)

    def _legend_toggled(self, checked: bool) -> None:
        if self._review is not None:
            self._review.display.set_legend_visible(checked)

    def _surface_toggled(self, checked: bool) -> None:
        if self._review is not None:
            self._review.display.show_surface_with_variance(checked)


def _title(number: int, result: ResultNodes) -> str:
    """Number and image; the same image can have several results."""
    image = result.source.GetName() if result.source else _("deleted image")
    return _("{number}: {image}").format(number=number, image=image)
