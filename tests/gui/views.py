"""The four views of the application's usual layout, rendered in memory, for pictures beside the panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
from PIL import Image
from PySide6.QtGui import QColor, QImage, QPainter

from tests.headless_slicer import SliceView, ThreeDView

_PANEL_WIDTH = 400
_SIZE = (440, 490)
_GAP = 4


class FourViews:
    """Axial, 3D, coronal and sagittal; make them once a process."""

    def __init__(self) -> None:
        self._slices = (
            SliceView("StoryAxial", "Axial", _SIZE),
            SliceView("StoryCoronal", "Coronal", _SIZE),
            SliceView("StorySagittal", "Sagittal", _SIZE),
        )
        self._three_d = ThreeDView("Story", _SIZE)

    def fit(self) -> None:
        """Show all of the image."""
        for view in self._slices:
            view.fit()

    def zoom(self, millimetres: float) -> None:
        """Show this much across each slice view, around its centre, as turning the mouse wheel does."""
        for view in self._slices:
            width, height, depth = view.node.GetFieldOfView()
            factor = millimetres / width
            view.node.SetFieldOfView(millimetres, height * factor, depth)

    def save_with_panel(self, panel, path: Path) -> None:
        """Write one picture of the panel, 400 pixels wide, and the views beside it."""
        # Without the box around the image, the surfaces fill the view.
        self._three_d.node.SetBoxVisible(False)
        self._three_d.node.SetAxisLabelsVisible(False)
        self._three_d.fit()
        for view in self._slices:
            view.node.Modified()  # as the application does after a scene was loaded
        axial, coronal, sagittal = (_to_image(view.image()) for view in self._slices)
        views = (axial, _to_image(self._three_d.image()), coronal, sagittal)
        views_height = 2 * _SIZE[1] + _GAP
        panel.window().resize(_PANEL_WIDTH, max(panel.sizeHint.height(), views_height))
        slicer.app.processEvents()
        grabbed = panel.grab().toImage()
        width = _PANEL_WIDTH + 2 * (_SIZE[0] + _GAP)
        height = max(grabbed.height(), views_height)
        picture = QImage(width, height, QImage.Format.Format_RGB32)
        picture.fill(QColor(40, 40, 40))
        painter = QPainter(picture)
        painter.drawImage(0, 0, grabbed)
        for number, view in enumerate(views):
            left = _PANEL_WIDTH + _GAP + (number % 2) * (_SIZE[0] + _GAP)
            painter.drawImage(left, (number // 2) * (_SIZE[1] + _GAP), view)
        painter.end()
        _save_small(picture, path)


def _save_small(picture: QImage, path: Path) -> None:
    """256 colours are enough here, and make a third of the size."""
    rgb = picture.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    pixels = rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3)
    colours = Image.fromarray(pixels).quantize(
        256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    colours.save(path, optimize=True)


def _to_image(pixels) -> QImage:
    pixels = np.ascontiguousarray(pixels[..., :3])
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
