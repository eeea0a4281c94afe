"""Writing a prediction folder: all of it or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from mobseg.errors import OutputError
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
    """Write a result; see :mod:`mobseg.prediction_folder` for the files.

    Args:
        folder: to be made; folders above it are made as needed.
        maps: the prediction.
        regions: the flagged regions by rank.
        record: how the result was made.
        threshold: how the regions were flagged.
        overwrite: replace an older prediction, once the new one is complete.
        extra_writers: called with the unfinished folder to add files, such as the report.

    Raises:
        OutputError: the folder exists, or cannot be written; nothing is left behind, and an older
            prediction stays as it was.
    """
    check_destination(folder, overwrite=overwrite)
    with _complete_folder(folder) as unfinished:
        _write_volumes(maps, unfinished)
        write_regions_csv(regions, unfinished / REGIONS_CSV)
        write_regions_json(regions, unfinished / REGIONS_JSON)
        for write_extra in extra_writers:
            write_extra(unfinished)
        files = [
            path.relative_to(unfinished).as_posix()
            for path in unfinished.rglob("*")
            if path.is_file()
        ]
        content = RunFile(record, threshold, maps.label_table, maps.is_stochastic)
        write_run_file(content, sorted([*files, RUN_JSON]), unfinished)


@contextmanager
def _complete_folder(folder: Path) -> Iterator[Path]:
    """A sibling to write to, which takes the place of ``folder`` once it is complete."""
    unfinished = folder.with_name(f".{folder.name}.{uuid4().hex}")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        _replace(folder, unfinished)
    except OSError as error:
        raise OutputError(
            f"The result cannot be written ({error.strerror or 'input/output error'}); check that the "
            "disk is not full and that the folder is writable."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


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


def _write_volumes(maps: AnyPrediction, folder: Path) -> None:
    labels = LabelVolume(maps.labels, maps.geometry)

    def write(field: str, values: Map | SparseMap, name: str) -> None:
        is_mostly_zero = field != "probability_mean"
        parts = _parts(field, values)
        write_map(parts, maps.geometry, folder / name, is_mostly_zero=is_mostly_zero)

    # Compression takes most of the time and runs without the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [pool.submit(write, *job) for job in _map_files(maps)]
        tasks.append(
            pool.submit(
                write_segmentation_nrrd, labels, maps.label_table, folder / SEGMENTATION_NRRD
            )
        )
        tasks.append(pool.submit(write_label_volume, labels, folder / SEGMENTATION_NIFTI))
        for task in tasks:
            task.result()


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
