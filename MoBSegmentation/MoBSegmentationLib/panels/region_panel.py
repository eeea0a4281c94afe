"""Step 3: the table of regions, going from one to the next, and the progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from MoBSegmentationLib.navigation import jump_to
from MoBSegmentationLib.panels.availability import Availability
from MoBSegmentationLib.panels.open_review import OpenReview
from MoBSegmentationLib.review_session import ReviewRow

_STRETCHED_COLUMN = 1
_WIDEST_TEXTS = ("999", "Structure", "99.99", "0.0001", "99.99", "accepted")
_CELL_MARGIN = 12


class RegionPanel:
    """The selected region is shared with the other panels through :attr:`selected`.

    Args:
        ui: the loaded ``.ui``.
        scene: whose views follow the selection.
        on_select: called after another region was selected.
    """

    def __init__(self, ui: Any, scene: Any, on_select: Callable[[], None]) -> None:
        self._ui = ui
        self._scene = scene
        self._on_select = on_select
        self._review: OpenReview | None = None
        self._rows: tuple[ReviewRow, ...] = ()
        self._shown: dict[tuple[int, int], str] = {}
        self._steps = Availability((ui.previousButton, ui.nextButton))
        self._open_step = Availability((ui.nextOpenButton,))
        self._style_table()
        ui.regionTable.connect("itemSelectionChanged()", self._selection_changed)
        ui.regionTable.connect("cellClicked(int,int)", self._clicked)
        ui.previousButton.connect("clicked()", self.select_previous)
        ui.nextButton.connect("clicked()", self.select_next)
        ui.nextOpenButton.connect("clicked()", self.select_next_open)

    @property
    def selected(self) -> ReviewRow | None:
        """The selected region."""
        index = self._ui.regionTable.currentRow()
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def show(self, review: OpenReview | None) -> None:
        """Show another review, or none."""
        self._review = review
        self._rows = ()
        self.refresh()

    def refresh(self) -> None:
        """Show the rows as they are now; the selection stays with its peak."""
        chosen = self.selected
        self._rows = self._review.session.rows() if self._review else ()
        table = self._ui.regionTable
        was_blocked = table.blockSignals(True)
        self._set_row_count(len(self._rows))
        for index, row in enumerate(self._rows):
            self._fill(index, row)
        self._restore_selection(chosen)
        table.blockSignals(was_blocked)
        self._show_progress()
        self._on_select()

    def select_next(self) -> None:
        """Go to the region below, from the last to the first."""
        self._step(1)

    def select_previous(self) -> None:
        """Go to the region above, from the first to the last."""
        self._step(-1)

    def select_next_open(self) -> None:
        """Go to the next region that is not decided."""
        if self._review is None:
            return
        after = self.selected.region_id if self.selected else None
        region_id = self._review.session.next_open(after)
        for index, row in enumerate(self._rows):
            if row.region_id == region_id:
                self._ui.regionTable.selectRow(index)

    def _step(self, step: int) -> None:
        if self._rows:
            current = self._ui.regionTable.currentRow()
            start = current if current >= 0 or step > 0 else 0
            self._ui.regionTable.selectRow((start + step) % len(self._rows))

    def _selection_changed(self) -> None:
        self._jump()
        self._on_select()

    def _clicked(self, _row: int, _column: int) -> None:
        """A click on the selected row comes back to it."""
        self._jump()

    def _jump(self) -> None:
        if self.selected is not None:
            jump_to(self.selected.peak_ras_mm, self._scene)

    def _restore_selection(self, chosen: ReviewRow | None) -> None:
        peaks = [row.peak_ras_mm for row in self._rows]
        if chosen is not None and chosen.peak_ras_mm in peaks:
            self._ui.regionTable.selectRow(peaks.index(chosen.peak_ras_mm))
        else:
            self._ui.regionTable.setCurrentCell(-1, -1)

    def _fill(self, index: int, row: ReviewRow) -> None:
        texts = (
            str(row.rank),
            row.segment,
            _millilitres(row.volume_mm3),
            f"{row.peak_score:.3g}",
            _millilitres(row.expected_error_mm3),
            _status_text(row.status),
        )
        for column, text in enumerate(texts):
            # Most cells stay as they are while the threshold is dragged, and setting one is slow.
            if self._shown.get((index, column)) != text:
                self._shown[index, column] = text
                self._cell(index, column).setText(text)
        tip = _("{reason}; {comment}") if row.comment else _("{reason}")
        self._cell(index, _STRETCHED_COLUMN).setToolTip(
            tip.format(reason=row.reason, comment=row.comment)
        )

    def _set_row_count(self, count: int) -> None:
        self._ui.regionTable.setRowCount(count)  # deletes the cells of rows that are too many
        self._shown = {key: text for key, text in self._shown.items() if key[0] < count}

    def _cell(self, index: int, column: int) -> Any:
        table = self._ui.regionTable
        item = table.item(index, column)
        if item is None:
            item = qt.QTableWidgetItem()
            if column != _STRETCHED_COLUMN:
                item.setTextAlignment(qt.Qt.AlignCenter)
            table.setItem(index, column, item)
        return item

    def _show_progress(self) -> None:
        done, total = self._review.session.progress() if self._review else (0, 0)
        self._ui.reviewProgressBar.setMaximum(max(total, 1))
        self._ui.reviewProgressBar.setValue(done)
        self._ui.reviewLabel.setText(_("{done} of {total}").format(done=done, total=total))
        self._steps.set(None if total else _("There are no regions to go to."))
        self._open_step.set(None if done < total else _("There are no open regions."))

    def _style_table(self) -> None:
        table = self._ui.regionTable
        table.verticalHeader().setVisible(False)
        table.verticalHeader().setDefaultSectionSize(22)
        header, metrics = table.horizontalHeader(), table.fontMetrics()
        # Fixed widths, since fitting them to the contents again and again is slow.
        for column, text in enumerate(_WIDEST_TEXTS):
            width = metrics.boundingRect(text).width() + _CELL_MARGIN
            table.setColumnWidth(column, max(width, header.sectionSizeHint(column)))
            header.setSectionResizeMode(column, qt.QHeaderView.Fixed)
        header.setSectionResizeMode(_STRETCHED_COLUMN, qt.QHeaderView.Stretch)


def _millilitres(cubic_millimetres: float) -> str:
    return f"{cubic_millimetres / 1000:.2f}"


def _status_text(status: str) -> str:
    texts = {
        "open": _("open"),
        "accepted": _("accepted"),
        "edited": _("edited"),
        "rejected": _("rejected"),
    }
    return texts[status]
