"""Writes the outcome of a review."""

from __future__ import annotations

from pathlib import Path

from MoBSegmentationLib.review_session import ReviewSession


def export_review(session: ReviewSession, folder: Path) -> None:
    """Write the reviewed segmentation, the decisions and a report; all of it or nothing.

    The folder holds ``reviewed.seg.nrrd``, ``reviewed.nii.gz``, ``decisions.csv``, ``decisions.json`` and
    ``report.html`` with volumes before and after and pictures.

    Args:
        session: the review.
        folder: to be made.

    Raises:
        mobseg.errors.OutputError: the folder exists or cannot be written; nothing is left behind.
    """
    raise NotImplementedError
