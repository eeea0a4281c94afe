"""The four views of the application's usual layout, rendered in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
from PySide6.QtGui import QColor, QImage, QPainter

from tests.headless_slicer import SliceView, ThreeDView

_SIZE = (400, 330)
_BORDER = 4


class FourViews:
    """Axial, 3D, coronal and sagittal, and pictures of them beside the panel."""

    def __init__(self) -> None:
        self._slices = (
            SliceView("Red", "Axial", _SIZE),
            SliceView("Green", "Coronal", _SIZE),
            SliceView("Yellow", "Sagittal", _SIZE),
        )
        self._three_d = ThreeDView("1", _SIZE)

    def fit(self) -> None:
        """Show all of the image."""
        for view in self._slices:
            view.fit()
        self._three_d.fit()

    def save_with_panel(self, panel, path: Path) -> None:
        """Write one picture of the panel, 400 pixels wide, and the views beside it."""
        axial, coronal, sagittal = (_to_image(view.image()) for view in self._slices)
        views = (axial, _to_image(self._three_d.image()), coronal, sagittal)
        window = panel.window()
        window.resize(400, max(panel.sizeHint.height(), 2 * _SIZE[1]))
        slicer.app.processEvents()
        grabbed = panel.grab().toImage()
        width = 400 + 2 * (_SIZE[0] + _BORDER)
        picture = QImage(width, max(grabbed.height(), 2 * _SIZE[1]), QImage.Format.Format_RGB32)
        picture.fill(QColor(40, 40, 40))
        painter = QPainter(picture)
        painter.drawImage(0, 0, grabbed)
        for number, view in enumerate(views):
            left = 400 + _BORDER + (number % 2) * (_SIZE[0] + _BORDER)
            painter.drawImage(left, (number // 2) * (_SIZE[1] + _BORDER), view)
        painter.end()
        picture.save(str(path))


def _to_image(pixels) -> QImage:
    pixels = np.ascontiguousarray(pixels[..., :3])
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
