"""The cases that models are compared on: image, reference and, where there are several, the raters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobseg.errors import InvalidInput
from mobseg.validation import ReferenceCase, cases_of_dataset

#: Stands between the name of a case and that of the rater in the names of files.
RATER_MARK = "__"


@dataclass(frozen=True)
class MeasuredCase:
    """A case with its reference and the label maps of its raters, of which there may be none."""

    case: ReferenceCase
    raters: tuple[Path, ...]


def measured_cases(
    images: Path, labels: Path, raters: Path | None, names: Sequence[str] | None
) -> list[MeasuredCase]:
    """Pair the files of nnU-Net's folders, and of a folder with ``CASE__RATER.EXT``.

    Args:
        images: folder with ``CASE_0000.EXT``.
        labels: folder with ``CASE.EXT``.
        raters: folder with the raters' label maps; ``None`` when there is one reference only.
        names: cases to take; ``None`` takes every label map.

    Raises:
        InvalidInput: a case lacks its image, its label map or its raters.
    """
    return [
        MeasuredCase(case, _raters_of(case.name, raters))
        for case in cases_of_dataset(images, labels, names)
    ]


def _raters_of(name: str, folder: Path | None) -> tuple[Path, ...]:
    if folder is None:
        return ()
    found = tuple(sorted(folder.glob(f"{name}{RATER_MARK}*.*")))
    if not found:
        raise InvalidInput(f"The case {name} has no rater ({name}{RATER_MARK}...) in {folder}.")
    return found
