"""Step 3: what the reviewer decides about the selected region."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from MoBSegmentationLib.panels.availability import Availability
from MoBSegmentationLib.panels.message_bar import MessageBar
from MoBSegmentationLib.panels.open_review import OpenReview
from MoBSegmentationLib.panels.region_panel import RegionPanel
from MoBSegmentationLib.review_session import ReviewRow, ReviewSession


class DecisionPanel:
    """Accept, reject, include, exclude, comment, initials.

    Args:
        ui: the loaded ``.ui``.
        messages: for failures.
        regions: has the selected region.
    """

    def __init__(self, ui: Any, messages: MessageBar, regions: RegionPanel) -> None:
        self._ui = ui
        self._messages = messages
        self._regions = regions
        self._review: OpenReview | None = None
        self._controls = Availability(
            (
                ui.acceptButton,
                ui.rejectButton,
                ui.editButton,
                ui.includeButton,
                ui.excludeButton,
                ui.commentEdit,
            )
        )
        ui.acceptButton.connect("clicked()", self.accept)
        ui.rejectButton.connect("clicked()", self.reject)
        ui.includeButton.connect("clicked()", self.include)
        ui.excludeButton.connect("clicked()", self.exclude)
        ui.commentEdit.connect("editingFinished()", self._comment_finished)
        ui.initialsEdit.connect("editingFinished()", self._initials_finished)

    def show(self, review: OpenReview | None) -> None:
        """Show another review, or none."""
        self._review = review
        self._ui.initialsEdit.setEnabled(review is not None)
        self._ui.initialsEdit.setText(review.session.reviewer_initials if review else "")
        self.refresh()

    def refresh(self) -> None:
        """Show the selected region."""
        row = self._regions.selected if self._review else None
        self._controls.set(None if row else _("Select a region first."))
        self._ui.regionLabel.setText(_describe(row))
        if not self._ui.commentEdit.hasFocus() or row is None:
            self._ui.commentEdit.setText(row.comment if row else "")

    def accept(self) -> None:
        """The segmentation is right here; go on to the next open region."""
        self._decide("accepted")

    def reject(self) -> None:
        """The segmentation is wrong here, and stays; go on to the next open region."""
        self._decide("rejected")

    def include(self) -> None:
        """Add the region to its structure."""
        self._change(lambda session, row: session.include(row.region_id))

    def exclude(self) -> None:
        """Remove the region from its structure."""
        self._change(lambda session, row: session.exclude(row.region_id))

    def _decide(self, status: str) -> None:
        """Decide and go on; the same decision once more takes it back, and stays."""
        self._comment_finished()  # a shortcut decides without leaving the text field
        row = self._regions.selected
        if row is not None and row.status == status:
            self._change(lambda session, row: session.set_status(row.region_id, "open"))
        else:
            self._change(lambda session, row: session.set_status(row.region_id, status))
            self._regions.select_next_open()

    def _change(self, change: Callable[[ReviewSession, ReviewRow], None]) -> None:
        row = self._regions.selected
        if self._review is not None and row is not None:
            with self._messages.reporting():
                change(self._review.session, row)

    def _comment_finished(self) -> None:
        comment = self._ui.commentEdit.text
        row = self._regions.selected
        if row is not None and comment != row.comment:
            self._change(lambda session, row: session.set_comment(row.region_id, comment))

    def _initials_finished(self) -> None:
        if self._review is not None:
            self._review.session.reviewer_initials = self._ui.initialsEdit.text


def _describe(row: ReviewRow | None) -> str:
    if row is None:
        return _("Select a region, or press N.")
    text = _("Region {rank}: {segment}, {reason}")
    return text.format(rank=row.rank, segment=row.segment, reason=row.reason)
