"""The main job: from a CT to a segmentation with uncertainty and regions to check."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import mobseg
from mobseg.device import describe_device
from mobseg.errors import InvalidInput
from mobseg.estimates import MapBuilder
from mobseg.image_io import read_scalar_volume, voxel_sha256
from mobseg.inference.native import to_native
from mobseg.inference.preprocessing import preprocess
from mobseg.inference.sliding_window import SlidingWindowResult, predict_moments
from mobseg.model import LoadedModel, load_model
from mobseg.options import SegmentOptions
from mobseg.orientation import Reorientation, axis_codes, reorient
from mobseg.prediction import PredictionMaps, RunRecord
from mobseg.prediction_folder import ThresholdRecord, check_destination, write_prediction_folder
from mobseg.progress import Progress
from mobseg.region_of_interest import VoxelBox, crop_volume, voxel_box
from mobseg.regions import FlaggedRegion, flag_regions
from mobseg.report import report_writer
from mobseg.stopwatch import Stopwatch
from mobseg.thresholds import choose_threshold
from mobseg.volume import ScalarVolume

__all__ = [
    "LoadedModel",
    "SegmentOptions",
    "Segmentation",
    "load_model",
    "segment_file",
    "segment_volume",
]

#: Fractions of the whole run at which prediction starts and ends, for the progress bar.
_PREDICTION = (0.05, 0.85)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A result in memory.

    Attributes:
        maps: labels and uncertainty on the input's grid.
        regions: places to check, ranked.
        threshold: what the regions were taken with, and why.
        record: how the result was made.
    """

    maps: PredictionMaps
    regions: tuple[FlaggedRegion, ...]
    threshold: ThresholdRecord
    record: RunRecord


def segment_file(
    source: Path,
    destination: Path,
    model: LoadedModel,
    options: SegmentOptions,
    progress: Progress,
    *,
    overwrite: bool = False,
    report: bool = True,
) -> Segmentation:
    """Read an image, segment it, and write the prediction folder at once or not at all.

    Args:
        source: image file or DICOM series folder.
        destination: prediction folder to make.
        model: from :func:`load_model`.
        options: choices of the user.
        progress: told how far it is.
        overwrite: replace an existing folder, once the new one is complete.
        report: also write ``report.html``.

    Raises:
        MobsegError: see :mod:`mobseg.errors`; nothing was written.
    """
    check_destination(destination, overwrite=overwrite)
    stopwatch = Stopwatch()
    progress.report("Reading", 0.0)
    with stopwatch.stage("read"):
        source_image = read_scalar_volume(source)
    segmentation = segment_volume(
        source_image.volume,
        model,
        options,
        progress,
        input_warnings=source_image.warnings,
        stopwatch=stopwatch,
    )
    progress.report("Writing", 0.9)
    progress.raise_if_cancelled()
    intended_use = model.metadata.intended_use if model.metadata else None
    write_prediction_folder(
        destination,
        segmentation.maps,
        segmentation.regions,
        segmentation.record,
        threshold=segmentation.threshold,
        overwrite=overwrite,
        extra_writers=(
            [report_writer(source_image.volume, segmentation, intended_use)] if report else []
        ),
    )
    progress.report("Done", 1.0)
    return segmentation


def segment_volume(
    volume: ScalarVolume,
    model: LoadedModel,
    options: SegmentOptions,
    progress: Progress,
    *,
    input_warnings: tuple[str, ...] = (),
    stopwatch: Stopwatch | None = None,
) -> Segmentation:
    """Segment an image in memory.

    Args:
        volume: CT in Hounsfield units, finite.
        model: from :func:`load_model`.
        options: choices of the user.
        progress: told how far it is.
        input_warnings: sentences to keep with the result.
        stopwatch: times the stages; it may have timed the reading already.

    Raises:
        MobsegError: see :mod:`mobseg.errors`.
    """
    if model.metadata and model.metadata.requires_roi and options.roi_ras_mm is None:
        raise InvalidInput(
            f"The model {model.name} works inside a region of interest only; give one with --roi."
        )
    stopwatch = stopwatch or Stopwatch()
    box = (
        _everything(volume)
        if options.roi_ras_mm is None
        else voxel_box(options.roi_ras_mm, volume.geometry)
    )
    maps, notes = _predict(volume, box, model, options, progress, stopwatch)
    progress.report("Finding regions to check", _PREDICTION[1])
    with stopwatch.stage("regions"):
        threshold = choose_threshold(
            model.metadata, options.threshold, is_stochastic=model.is_stochastic
        )
        regions = flag_regions(maps, threshold.score, threshold.value)
    record = RunRecord(
        model=_describe_model(model),
        options={**asdict(options), "device": describe_device(model.device)},
        input=_describe_input(volume),
        versions=_versions(),
        seconds_by_stage=stopwatch.seconds,
        notes=(*input_warnings, *notes),
    )
    return Segmentation(maps, regions, threshold, record)


def _predict(
    volume: ScalarVolume,
    box: VoxelBox,
    model: LoadedModel,
    options: SegmentOptions,
    progress: Progress,
    stopwatch: Stopwatch,
) -> tuple[PredictionMaps, tuple[str, ...]]:
    progress.report("Preparing the image", 0.0)
    with stopwatch.stage("preprocess"):
        part, reorientation = _orient(crop_volume(volume, box), model)
        prepared = preprocess(part, model.plan)
    with stopwatch.stage("network"):
        result = predict_moments(
            prepared.data,
            model.moment_fns(),
            model.plan.patch_size,
            mirror_axes=model.mirror_axes if options.mirror else (),
            step=options.step,
            device=model.device,
            progress=progress,
            fraction_range=_PREDICTION,
            move_to_cpu=model.move_to_cpu,
        )
    with stopwatch.stage("native grid"):
        builder = MapBuilder(
            part.geometry,
            model.labels,
            model.coordinates,
            tuple(label.value for label in model.labels),
        )
        _, j, i = prepared.grid.native_box_kji
        to_native(
            result.moments,
            prepared.grid,
            lambda k, mean, variance, disagreement: builder.add(
                (k, j, i), mean, variance, disagreement
            ),
        )
        maps = builder.finish(is_stochastic=model.is_stochastic)
        maps = _embed(maps, reorientation, volume, box)
    return maps, _notes(result, options, model)


def _orient(volume: ScalarVolume, model: LoadedModel) -> tuple[ScalarVolume, Reorientation]:
    """Turn the axes the way the training images lay; a plain nnU-Net model takes them as they are."""
    codes = model.metadata.training_orientation if model.metadata else None
    return reorient(volume, codes or axis_codes(volume.geometry))


def _embed(
    maps: PredictionMaps, reorientation: Reorientation, volume: ScalarVolume, box: VoxelBox
) -> PredictionMaps:
    """Back to the axes and the extent of the input; outside the box is background without doubt."""

    def embed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        native = reorientation.undo(array)
        leading = native.shape[:-3]
        if native.shape[-3:] == volume.geometry.shape_kji:
            return native
        whole = np.zeros((*leading, *volume.geometry.shape_kji), native.dtype)
        whole[(..., *box)] = native
        return whole

    return PredictionMaps(
        geometry=volume.geometry,
        label_table=maps.label_table,
        labels=embed(maps.labels),
        probability_mean=embed(maps.probability_mean),
        probability_variance=embed(maps.probability_variance),
        predictive_entropy_nats=embed(maps.predictive_entropy_nats),
        mutual_information_nats=embed(maps.mutual_information_nats),
        logit_variance_model=embed(maps.logit_variance_model),
        logit_variance_disagreement=embed(maps.logit_variance_disagreement),
        is_stochastic=maps.is_stochastic,
    )


def _everything(volume: ScalarVolume) -> VoxelBox:
    k, j, i = volume.geometry.shape_kji
    return (slice(0, k), slice(0, j), slice(0, i))


def _notes(
    result: SlidingWindowResult, options: SegmentOptions, model: LoadedModel
) -> tuple[str, ...]:
    notes = list(result.notes)
    if options.mirror and not model.mirror_axes:
        notes.append("The model was not trained with mirroring, so no mirrored passes were made.")
    return tuple(notes)


def _describe_model(model: LoadedModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "version": model.metadata.version if model.metadata else None,
        "parameterisation": model.parameterisation,
        "configuration": model.folder.configuration_name,
        "folds": list(model.folder.folds),
        "is_stochastic": model.is_stochastic,
        "intended_use": model.metadata.intended_use if model.metadata else None,
    }


def _describe_input(volume: ScalarVolume) -> dict[str, Any]:
    return {
        "shape_kji": list(volume.geometry.shape_kji),
        "spacing_ijk_mm": list(volume.geometry.spacing_ijk_mm),
        "orientation": axis_codes(volume.geometry),
        "dtype": str(volume.array.dtype),
        "voxel_sha256": voxel_sha256(volume),
    }


def _versions() -> dict[str, str]:
    return {
        "mobseg": mobseg.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
