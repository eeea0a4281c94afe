"""Writing a prediction folder: all of it or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

from mobseg.errors import OutputError
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import write_label_volume, write_map, write_segmentation_nrrd
from mobseg.prediction import LABEL_FIELDS, Map, RunRecord
from mobseg.prediction_folder.layout import (
    COMMON_MAPS,
    REGIONS_CSV,
    REGIONS_JSON,
    RUN_JSON,
    SEGMENTATION_NIFTI,
    SEGMENTATION_NRRD,
    label_map_files,
)
from mobseg.prediction_folder.records import RunFile, ThresholdRecord, write_run_file
from mobseg.prediction_folder.rounding import rounded_map
from mobseg.regions import FlaggedRegion, write_regions_csv, write_regions_json
from mobseg.sparse_map import SparseMap
from mobseg.sparse_prediction import AnyPrediction
from mobseg.volume import LabelVolume, Run


def check_destination(folder: Path, *, overwrite: bool) -> None:
    """Refuse a destination before any work is done for it.

    Raises:
        OutputError: it exists and may not be overwritten, or is not a prediction folder.
    """
    if not folder.exists():
        return
    if not overwrite:
        raise OutputError("The output folder exists; choose another one, or allow to overwrite it.")
    is_prediction = (folder / RUN_JSON).is_file()
    if not folder.is_dir() or (any(folder.iterdir()) and not is_prediction):
        raise OutputError(
            "The output folder holds something other than a prediction, which is not overwritten; "
            "choose another one."
        )


class PredictionFolderWriter:
    """Writes a result; see :mod:`mobseg.prediction_folder` for the files.

    The volumes are written while the rest is still being made. As a context manager it leaves a complete folder
    or none, and an older prediction as it was.

    Args:
        folder: to be made; folders above it are made as needed.
        overwrite: replace an older prediction, once the new one is complete.

    Raises:
        OutputError: the folder may not be made; see :func:`check_destination`.
    """

    def __init__(self, folder: Path, *, overwrite: bool = False) -> None:
        check_destination(folder, overwrite=overwrite)
        self._folder = folder
        self._overwrite = overwrite
        # A sibling, which takes the place of the folder once it is complete.
        self._unfinished = folder.with_name(f".{folder.name}.{uuid4().hex}")
        # Compression takes most of the time and runs without the interpreter's lock.
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self._tasks: list[Future[None]] = []

    def __enter__(self) -> PredictionFolderWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def start(self, maps: AnyPrediction) -> None:
        """Begin to write the volumes; they must not change any more.

        Raises:
            OutputError: the folder cannot be made.
        """
        with _told_plainly():
            self._unfinished.mkdir(parents=True)
        self._maps = maps
        self._tasks = [
            self._pool.submit(write) for write in _volume_writers(maps, self._unfinished)
        ]

    def finish(
        self,
        regions: Sequence[FlaggedRegion],
        record: RunRecord,
        *,
        threshold: ThresholdRecord,
        extra_writers: Sequence[Callable[[Path], None]] = (),
    ) -> None:
        """Write the rest and put the folder in its place.

        Args:
            regions: the flagged regions by rank.
            record: how the result was made.
            threshold: how the regions were flagged.
            extra_writers: called with the unfinished folder to add files, such as the report.

        Raises:
            OutputError: it cannot be written, or the folder exists by now.
        """
        check_destination(self._folder, overwrite=self._overwrite)
        with _told_plainly():
            write_regions_csv(regions, self._unfinished / REGIONS_CSV)
            write_regions_json(regions, self._unfinished / REGIONS_JSON)
            for write_extra in extra_writers:
                write_extra(self._unfinished)
            for task in self._tasks:
                task.result()
            files = [
                path.relative_to(self._unfinished).as_posix()
                for path in self._unfinished.rglob("*")
                if path.is_file()
            ]
            maps = self._maps
            content = RunFile(record, threshold, maps.label_table, maps.is_stochastic)
            write_run_file(content, sorted([*files, RUN_JSON]), self._unfinished)
            _replace(self._folder, self._unfinished)


def write_prediction_folder(
    folder: Path,
    maps: AnyPrediction,
    regions: Sequence[FlaggedRegion],
    record: RunRecord,
    *,
    threshold: ThresholdRecord,
    overwrite: bool = False,
    extra_writers: Sequence[Callable[[Path], None]] = (),
) -> None:
    """Write a result that is complete, all of it or nothing; see :class:`PredictionFolderWriter`.

    Raises:
        OutputError: the folder exists, or cannot be written.
    """
    with PredictionFolderWriter(folder, overwrite=overwrite) as writer:
        writer.start(maps)
        writer.finish(regions, record, threshold=threshold, extra_writers=extra_writers)


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Turn errors of the system into one sentence.

    Raises:
        OutputError: for every ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The result cannot be written ({error.strerror or 'input/output error'}); check that the "
            "disk is not full and that the folder is writable."
        ) from error


def _replace(folder: Path, complete: Path) -> None:
    """Put ``complete`` in the place of ``folder``; the older folder is back if that fails."""
    if not folder.exists():
        complete.rename(folder)
        return
    older = complete.with_suffix(".older")
    folder.rename(older)
    try:
        complete.rename(folder)
    except OSError:
        older.rename(folder)
        raise
    shutil.rmtree(older, ignore_errors=True)


def _volume_writers(maps: AnyPrediction, folder: Path) -> Iterator[Callable[[], None]]:
    """For each volume what writes it."""
    for field, values, name in _map_files(maps):
        yield partial(_write_map, field, values, maps.geometry, folder / name)
    labels = LabelVolume(maps.labels, maps.geometry)
    path = folder / SEGMENTATION_NRRD
    yield partial(write_segmentation_nrrd, labels, maps.label_table, path)
    yield partial(write_label_volume, labels, folder / SEGMENTATION_NIFTI)


def _write_map(field: str, values: Map | SparseMap, geometry: VolumeGeometry, path: Path) -> None:
    is_mostly_zero = field != "probability_mean"
    write_map(_parts(field, values), geometry, path, is_mostly_zero=is_mostly_zero)


def _map_files(maps: AnyPrediction) -> Iterator[tuple[str, Map | SparseMap, str]]:
    """Field, values and file name of every map."""
    for field in LABEL_FIELDS:
        names = label_map_files(field, maps.label_table)
        for values, name in zip(getattr(maps, field), names, strict=True):
            yield field, values, name
    for field, name in COMMON_MAPS.items():
        yield field, getattr(maps, field), name


def _parts(field: str, values: Map | SparseMap) -> Iterator[Map | Run]:
    """A map as it is stored, piece by piece."""
    if isinstance(values, SparseMap):
        return values.parts()  # rounded where it was made
    return (rounded_map(field, plane) for plane in values)
