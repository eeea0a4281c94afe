"""Pictures of places in a volume, as PNG, drawn with numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

#: Grey values of soft tissue in HU.
WINDOW_HU = (-160.0, 240.0)

_LARGEST_SIDE = 320


def gray(section: npt.NDArray[np.generic], window: tuple[float, float] = WINDOW_HU) -> Picture:
    """(H, W) values as an (H, W, 3) picture, black to white over the window."""
    low, high = window
    share = np.clip((section.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    return np.repeat(np.rint(share * 255).astype(np.uint8)[..., None], 3, axis=2)


def enlarged(picture: npt.NDArray[Any], spacing_mm: tuple[float, float]) -> npt.NDArray[Any]:
    """Repeat pixels until the longer side, in mm, fills the picture; pixels come out in true proportion."""
    height_mm, width_mm = picture.shape[0] * spacing_mm[0], picture.shape[1] * spacing_mm[1]
    per_mm = _LARGEST_SIDE / max(height_mm, width_mm)
    height, width = max(1, round(height_mm * per_mm)), max(1, round(width_mm * per_mm))
    rows = np.arange(height) * picture.shape[0] // height
    columns = np.arange(width) * picture.shape[1] // width
    return picture[rows[:, None], columns]


def draw_outline(picture: Picture, mask: Mask, color: tuple[int, int, int]) -> None:
    """Colour the pixels of an (H, W) mask that lie at its edge; the edge of the picture is none."""
    padded = np.pad(mask, 1, mode="edge")
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    picture[mask & ~inner] = color


def png_bytes(picture: Picture) -> bytes:
    """The picture as a PNG file; the first row is on top."""
    height, width, _ = picture.shape
    image = vtk.vtkImageData()
    image.SetDimensions(width, height, 1)
    pixels = np.ascontiguousarray(picture[::-1]).reshape(height * width, 3)
    image.GetPointData().SetScalars(numpy_to_vtk(pixels, deep=True))
    writer = vtk.vtkPNGWriter()
    writer.WriteToMemoryOn()
    writer.SetInputData(image)
    writer.Write()
    return vtk_to_numpy(writer.GetResult()).tobytes()
