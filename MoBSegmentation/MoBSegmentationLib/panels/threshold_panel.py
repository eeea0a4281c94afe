"""Step 3: the threshold, live, and what it means in words."""

from __future__ import annotations

import math
from typing import Any

from slicer.i18n import tr as _

from MoBSegmentationLib.panels.availability import Availability
from MoBSegmentationLib.panels.open_review import OpenReview

#: Positions of the slider, whose scale is logarithmic.
_STEPS = 1000


class ThresholdPanel:
    """Slider, number, automatic position and words.

    Args:
        ui: the loaded ``.ui``.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._review: OpenReview | None = None
        self._controls = Availability(
            (ui.thresholdSlider, ui.thresholdSpinBox, ui.autoThresholdButton)
        )
        ui.thresholdSlider.connect("valueChanged(int)", self._slid)
        ui.thresholdSpinBox.connect("valueChanged(double)", self._set)
        ui.autoThresholdButton.connect("clicked()", self._set_automatic)

    def show(self, review: OpenReview | None) -> None:
        """Show another review, or none."""
        self._review = review
        self._controls.set(None if review else _("There is no result yet; segment an image first."))
        self.refresh()

    def refresh(self) -> None:
        """Show the threshold in force."""
        if self._review is None:
            self._ui.thresholdLabel.setText("")
            return
        session = self._review.session
        slider, spin = self._ui.thresholdSlider, self._ui.thresholdSpinBox
        blocked = [widget.blockSignals(True) for widget in (slider, spin)]
        spin.setValue(session.threshold)
        # While the user drags, the slider is where it is; rounding must not move it.
        if not slider.sliderDown:
            slider.setValue(self._position(session.threshold))
        for widget, was_blocked in zip((slider, spin), blocked, strict=True):
            widget.blockSignals(was_blocked)
        self._ui.thresholdLabel.setText(session.threshold_in_words(session.threshold))

    def _slid(self, position: int) -> None:
        if self._review is not None:
            low, high = self._review.session.threshold_range
            self._set(low * (high / low) ** (position / _STEPS))

    def _position(self, threshold: float) -> int:
        low, high = self._review.session.threshold_range if self._review else (1.0, 2.0)
        share = math.log(max(threshold, low) / low) / math.log(high / low)
        return round(_STEPS * min(share, 1.0))

    def _set(self, threshold: float) -> None:
        if self._review is not None:
            self._review.session.set_threshold(threshold)
            self._review.display.set_threshold(threshold)

    def _set_automatic(self) -> None:
        if self._review is not None:
            self._set(self._review.session.automatic_threshold)
