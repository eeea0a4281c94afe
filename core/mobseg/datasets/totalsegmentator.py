"""The layout of the TotalSegmentator data set: a folder per subject with a CT and a mask per structure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mobseg.datasets.source import SourceCase, checked_case
from mobseg.errors import GeometryMismatch, InvalidInput
from mobseg.image_io import read_label_volume
from mobseg.volume import LabelVolume

_IMAGE = "ct.nii.gz"
_MASKS = "segmentations"


class TotalSegmentatorSource:
    """``SUBJECT/ct.nii.gz`` and ``SUBJECT/segmentations/ORGAN.nii.gz`` (version 2).

    Args:
        root: folder with one folder per subject.
        organs: structures to take, as they are called there; the first becomes label 1.

    Raises:
        InvalidInput: there is no subject, or an organ is in none of them.
    """

    def __init__(self, root: Path, organs: Sequence[str]) -> None:
        self._subjects = {
            folder.name: folder for folder in sorted(root.glob("*")) if (folder / _MASKS).is_dir()
        }
        self._organs = tuple(organs)
        if not self._subjects:
            raise InvalidInput(
                f"{root} holds no subject with a folder {_MASKS!r}; give the folder of the "
                "TotalSegmentator data set that holds s0000, s0001 and so on."
            )
        for organ in organs:
            if not any(
                (folder / _MASKS / _file(organ)).exists() for folder in self._subjects.values()
            ):
                raise InvalidInput(
                    f"No subject has a mask {_file(organ)}; use the names of the files in {_MASKS!r}."
                )

    @property
    def label_names(self) -> tuple[str, ...]:
        """The organs."""
        return self._organs

    def case_names(self) -> list[str]:
        """Names of the subjects."""
        return list(self._subjects)

    def read(self, name: str) -> SourceCase:
        """Read a subject; see :class:`mobseg.datasets.source.Source`."""
        folder = self._subjects[name]
        masks = [read_label_volume(folder / _MASKS / _file(organ)) for organ in self._organs]
        geometry = masks[0].geometry
        labels = np.zeros(geometry.shape_kji, dtype=np.uint8)
        for value, mask in enumerate(masks, start=1):
            if not mask.geometry.is_close(geometry):
                raise GeometryMismatch("The masks lie on different grids.")
            labels[mask.array > 0] = value
        return checked_case(folder / _IMAGE, LabelVolume(labels, geometry))


def _file(organ: str) -> str:
    return f"{organ}.nii.gz"
