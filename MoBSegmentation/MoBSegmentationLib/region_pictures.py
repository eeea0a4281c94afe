"""Pictures of flagged regions with the segmentation before and after the review."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from MoBSegmentationLib.pictures import Picture, draw_outline, enlarged, gray
from MoBSegmentationLib.reviewed_result import ReviewedResult

if TYPE_CHECKING:
    from mobseg.regions import FlaggedRegion

_MARGIN_MM = 35.0
_BEFORE_RGB = (255, 176, 0)
_AFTER_RGB = (86, 200, 255)


class RegionPictures:
    """Axial slices as a radiologist expects them: the patient's left is on the right, anterior on top.

    Args:
        reviewed: a result whose image is still there.
    """

    def __init__(self, reviewed: ReviewedResult) -> None:
        from mobseg.orientation import reorient  # noqa: PLC0415
        from mobseg.volume import ScalarVolume  # noqa: PLC0415

        assert reviewed.image is not None
        volume, change = reorient(ScalarVolume(reviewed.image, reviewed.geometry), "LPS")
        self._image = volume.array
        self._geometry = volume.geometry
        self._predicted = change.apply(reviewed.predicted)
        self._reviewed = change.apply(reviewed.reviewed)

    def draw(self, region: FlaggedRegion) -> Picture:
        """The slice through the peak of a region, and some of its surroundings."""
        i, j, k = np.rint(self._geometry.ras_to_ijk(region.peak_ras_mm)).astype(int)
        _, spacing_j, spacing_i = self._geometry.spacing_kji_mm
        window = (
            _around(j, spacing_j, self._image.shape[1]),
            _around(i, spacing_i, self._image.shape[2]),
        )
        spacing = (spacing_j, spacing_i)
        picture = enlarged(gray(self._image[k][window]), spacing)
        for labels, color in ((self._predicted, _BEFORE_RGB), (self._reviewed, _AFTER_RGB)):
            section = enlarged(labels[k][window], spacing)
            for value in np.unique(section[section > 0]):
                draw_outline(picture, section == value, color)
        return picture


def _around(center: int, spacing_mm: float, size: int) -> slice:
    reach = round(_MARGIN_MM / spacing_mm)
    return slice(max(0, center - reach), min(size, center + reach + 1))
