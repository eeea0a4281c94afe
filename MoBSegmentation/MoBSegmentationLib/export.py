"""Writes the outcome of a review."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import slicer

from MoBSegmentationLib.review_report import write_report
from MoBSegmentationLib.review_session import ReviewSession
from MoBSegmentationLib.review_tables import write_decisions_csv, write_decisions_json
from MoBSegmentationLib.reviewed_result import take_reviewed

SEGMENTATION_NRRD = "reviewed.seg.nrrd"
SEGMENTATION_NIFTI = "reviewed.nii.gz"
DECISIONS_CSV = "decisions.csv"
DECISIONS_JSON = "decisions.json"
REPORT = "report.html"


def export_review(session: ReviewSession, folder: Path) -> None:
    """Write the reviewed segmentation, the decisions and a report; all of it or nothing.

    The folder holds ``reviewed.seg.nrrd`` with all segments as they are, ``reviewed.nii.gz`` with the label
    values of the prediction, ``decisions.csv``, ``decisions.json``, and ``report.html`` with volumes before and
    after and pictures.

    Args:
        session: the review.
        folder: to be made.

    Raises:
        mobseg.errors.InvalidInput: the segmentation was deleted, or lies on another grid than the result.
        mobseg.errors.OutputError: the folder exists or cannot be written; nothing is left behind.
    """
    from mobseg.image_io import write_label_volume  # noqa: PLC0415
    from mobseg.volume import LabelVolume  # noqa: PLC0415

    reviewed = take_reviewed(session)
    with _complete_folder(folder) as unfinished:
        _write_segmentation(session.result.segmentation, unfinished / SEGMENTATION_NRRD)
        labels = LabelVolume(reviewed.reviewed, reviewed.geometry)
        write_label_volume(labels, unfinished / SEGMENTATION_NIFTI)
        write_decisions_csv(reviewed, unfinished / DECISIONS_CSV)
        write_decisions_json(reviewed, unfinished / DECISIONS_JSON)
        write_report(reviewed, unfinished / REPORT)


@contextmanager
def _complete_folder(folder: Path) -> Iterator[Path]:
    """A sibling to write to, which becomes ``folder`` once it is complete."""
    from mobseg.errors import OutputError  # noqa: PLC0415

    if folder.exists():
        raise OutputError("The folder for the export exists; choose a new one.")
    unfinished = folder.with_name(f".{folder.name}.{uuid4().hex}")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.rename(folder)
    except OSError as error:
        raise OutputError(
            f"The review cannot be exported ({error.strerror or 'input/output error'}); check that the disk "
            "is not full and that the folder is writable."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_segmentation(segmentation: Any, path: Path) -> None:
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(path))
    if not storage.WriteData(segmentation):
        raise OSError(0, "writing the segmentation stopped")
