"""What a data set must offer to become one of nnU-Net's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mobseg.errors import GeometryMismatch
from mobseg.image_io import read_scalar_volume
from mobseg.volume import LabelVolume


@dataclass(frozen=True, eq=False)
class SourceCase:
    """One scan and its label map.

    Attributes:
        image: file with the scan.
        labels: label map on its grid, with the values 1 to n of the source's label names.
    """

    image: Path
    labels: LabelVolume


class Source(Protocol):
    """A data set in some layout."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels 1 to n."""

    def case_names(self) -> list[str]:
        """Names of all cases, sorted."""

    def read(self, name: str) -> SourceCase:
        """Read one case.

        Raises:
            InvalidInput: a file of the case is missing or damaged, or its files do not fit together.
        """


def checked_case(image: Path, labels: LabelVolume) -> SourceCase:
    """A case whose image was read completely and lies on the grid of its labels.

    Raises:
        InvalidInput: the image is damaged.
        GeometryMismatch: the grids differ.
    """
    geometry = read_scalar_volume(image).volume.geometry
    if not geometry.is_close(labels.geometry):
        raise GeometryMismatch("The image and its label map lie on different grids.")
    return SourceCase(image, labels)
