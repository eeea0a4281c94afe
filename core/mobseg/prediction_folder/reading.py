"""Reading a prediction folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import read_label_volume, read_map
from mobseg.labels import LabelTable
from mobseg.prediction import LABEL_FIELDS, Map, PredictionMaps, RunRecord
from mobseg.prediction_folder.layout import (
    COMMON_MAPS,
    REGIONS_JSON,
    SEGMENTATION_NRRD,
    label_map_files,
)
from mobseg.prediction_folder.records import ThresholdRecord, read_run_file
from mobseg.regions import FlaggedRegion, read_regions_json


@dataclass(frozen=True, eq=False)
class StoredPrediction:
    """A result that was read back.

    Attributes:
        maps: the prediction; rounded as :mod:`mobseg.prediction_folder.rounding` says.
        regions: the flagged regions by rank.
        threshold: how the regions were flagged.
        record: how the result was made.
        folder: where it lies.
    """

    maps: PredictionMaps
    regions: tuple[FlaggedRegion, ...]
    threshold: ThresholdRecord
    record: RunRecord
    folder: Path


def read_prediction_folder(folder: Path) -> StoredPrediction:
    """Read what :func:`mobseg.prediction_folder.write_prediction_folder` wrote.

    Raises:
        InvalidInput: the folder is no prediction folder, a file is missing or damaged, or the folder was
            written by a newer version.
    """
    run = read_run_file(folder)
    maps = _read_maps(folder, run.label_table, run.is_stochastic)
    regions = read_regions_json(folder / REGIONS_JSON)
    return StoredPrediction(maps, regions, run.threshold, run.record, folder)


def _read_maps(folder: Path, table: LabelTable, is_stochastic: bool) -> PredictionMaps:
    try:
        # NRRD keeps the position in double precision, NIfTI does not.
        labels = read_label_volume(folder / SEGMENTATION_NRRD)
    except InvalidInput as error:
        raise _unusable(SEGMENTATION_NRRD) from error
    geometry = labels.geometry
    by_label = {
        field: _read_stack(folder, label_map_files(field, table), geometry)
        for field in LABEL_FIELDS
    }
    common = {field: _read_map(folder / name, geometry) for field, name in COMMON_MAPS.items()}
    return PredictionMaps(
        geometry=geometry,
        label_table=table,
        labels=labels.array,
        is_stochastic=is_stochastic,
        **by_label,
        **common,
    )


def _read_stack(folder: Path, names: Sequence[str], geometry: VolumeGeometry) -> Map:
    stack = np.empty((len(names), *geometry.shape_kji), dtype=np.float32)
    for channel, name in zip(stack, names, strict=True):
        channel[...] = _read_map(folder / name, geometry)
    return stack


def _read_map(path: Path, geometry: VolumeGeometry) -> Map:
    try:
        volume = read_map(path)
    except InvalidInput as error:
        raise _unusable(path.name) from error
    if not volume.geometry.is_close(geometry):
        raise _unusable(path.name)
    return volume.array.astype(np.float32, copy=False)


def _unusable(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name} of the prediction folder is missing or damaged, or does not belong to it; "
        "segment the image again."
    )
