"""The main job: from a CT to a segmentation with uncertainty and regions to check."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import mobseg
from mobseg.allocator import reused_memory
from mobseg.body import body_box
from mobseg.device import describe_device
from mobseg.errors import InvalidInput
from mobseg.estimates import PredictionBuilder, assign_labels, label_dtype
from mobseg.execution import Execution, choose_execution
from mobseg.image_io import compressor, read_scalar_volume, voxel_sha256, write_label_volume
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.native import to_native
from mobseg.inference.preprocessing import GridRecord, preprocess
from mobseg.inference.sliding_window import predict_moments
from mobseg.inference.variance_size import resized
from mobseg.inference.windows import Window
from mobseg.model import LoadedModel, load_model
from mobseg.options import SegmentOptions
from mobseg.orientation import axis_codes
from mobseg.prediction import RunRecord
from mobseg.prediction_folder import PredictionFolderWriter, ThresholdRecord
from mobseg.progress import Progress
from mobseg.region_of_interest import Part, VoxelBox, voxel_box
from mobseg.regions import FlaggedRegion, flag_regions
from mobseg.sampling import CORRELATION_LENGTH_MM, sample_logits
from mobseg.sparse_prediction import SparsePrediction
from mobseg.stopwatch import Stopwatch
from mobseg.thresholds import choose_threshold
from mobseg.volume import LabelVolume, ScalarVolume

__all__ = [
    "LoadedModel",
    "SegmentOptions",
    "Segmentation",
    "load_model",
    "segment_file",
    "segment_volume",
]

LabelMap = npt.NDArray[np.unsignedinteger]

#: Fractions of the whole run at which prediction starts and ends, for the progress bar.
_PREDICTION = (0.05, 0.85)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A result in memory.

    Attributes:
        maps: labels and uncertainty on the input's grid; ``maps.dense()`` has all voxels of all maps.
        regions: places to check, ranked.
        threshold: what the regions were taken with, and why.
        record: how the result was made.
        samples: label maps (K, J, I) drawn from the predictive distribution, if asked for.
    """

    maps: SparsePrediction
    regions: tuple[FlaggedRegion, ...]
    threshold: ThresholdRecord
    record: RunRecord
    samples: tuple[LabelMap, ...]


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
    with PredictionFolderWriter(destination, overwrite=overwrite) as writer:
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
            with_maps=writer.start,
        )
        progress.report("Writing", 0.9)
        progress.raise_if_cancelled()
        extra = [_sample_writer(segmentation)] if segmentation.samples else []
        if report:
            # Here, because Matplotlib takes as long to import as a third of PyTorch.
            from mobseg.report import report_writer  # noqa: PLC0415

            intended_use = model.metadata.intended_use if model.metadata else None
            extra.append(report_writer(source_image.volume, segmentation, intended_use))
        writer.finish(
            segmentation.regions,
            segmentation.record,
            threshold=segmentation.threshold,
            extra_writers=extra,
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
    with_maps: Callable[[SparsePrediction], None] | None = None,
) -> Segmentation:
    """Segment an image in memory.

    Args:
        volume: CT in Hounsfield units, finite.
        model: from :func:`load_model`.
        options: choices of the user.
        progress: told how far it is.
        input_warnings: sentences to keep with the result.
        stopwatch: times the stages; it may have timed the reading already.
        with_maps: called as soon as the maps are known, before the regions are.

    Raises:
        MobsegError: see :mod:`mobseg.errors`.
    """
    if model.metadata and model.metadata.requires_roi and options.roi_ras_mm is None:
        raise InvalidInput(
            f"The model {model.name} works inside a region of interest only; give one with --roi."
        )
    stopwatch = stopwatch or Stopwatch()
    codes = model.metadata.training_orientation if model.metadata else None
    # A plain nnU-Net model takes the axes as they are, as stock nnU-Net does.
    asked = _box(volume, options)
    needs_crop = model.metadata is not None and model.metadata.crop_to_body
    is_cropped = needs_crop or options.crop_to_body
    box = body_box(volume, asked) if is_cropped else asked
    part = Part.take(volume, box, codes or axis_codes(volume.geometry))
    maps, samples, notes, execution = _predict(part, model, options, progress, stopwatch)
    if with_maps is not None:
        with_maps(maps)
    progress.report("Finding regions to check", _PREDICTION[1])
    with stopwatch.stage("regions"):
        threshold = choose_threshold(
            model.metadata, options.threshold, is_stochastic=model.is_stochastic
        )
        regions = flag_regions(maps, threshold.score, threshold.value)
    record = RunRecord(
        model=_describe_model(model),
        options={
            **asdict(options),
            "device": describe_device(model.device),
            **execution.record,
            "crop_to_body": is_cropped,
        },
        input=_describe_input(volume),
        versions=_versions() | execution.versions,
        seconds_by_stage=stopwatch.seconds,
        notes=(
            *input_warnings,
            *_box_notes(asked, box, is_needed=needs_crop),
            *execution.notes,
            *notes,
        ),
    )
    return Segmentation(maps, regions, threshold, record, samples)


def _predict(
    part: Part,
    model: LoadedModel,
    options: SegmentOptions,
    progress: Progress,
    stopwatch: Stopwatch,
) -> tuple[SparsePrediction, tuple[LabelMap, ...], tuple[str, ...], Execution]:
    """Maps, sampled label maps, notes, and how the networks were run."""
    progress.report("Preparing the image", 0.0)
    with stopwatch.stage("preprocess"), reused_memory():
        prepared = preprocess(part.volume, model.plan)
    builder = PredictionBuilder(
        part.volume.geometry, prepared.grid, model.labels, model.coordinates, model.form
    )

    # Samples, and distances to the outline, need all planes at once.
    needs_all_planes = options.samples > 0 or model.variance_function is not None

    def add(box: Window, moments: StitchedMoments) -> None:
        with stopwatch.stage("native grid"):
            builder.add(box, moments)

    with stopwatch.stage("network"), reused_memory():
        execution = choose_execution(model, options, prepared.data.shape[1:])
        result = predict_moments(
            prepared.data,
            execution.model.moment_fns(execution.precision),
            model.plan.patch_size,
            mirror_axes=model.mirror_axes if options.mirror else (),
            step=options.step,
            device=model.device,
            form=model.form,
            progress=progress,
            fraction_range=_PREDICTION,
            move_to_cpu=model.move_to_cpu,
            consume=None if needs_all_planes else add,
        )
        stitched = resized(result.moments, model.variance_function, model.plan.spacing_mm)
    if needs_all_planes:
        z, y, x = (slice(0, size) for size in prepared.grid.network_shape)
        add((z, y, x), stitched)
    found = builder.finish(is_stochastic=model.is_stochastic)
    labels = np.ascontiguousarray(part.embed(found.labels))
    maps = found.moved(part.whole, labels, part.embed_indices(found.voxels))
    with stopwatch.stage("samples"):
        samples = tuple(
            part.embed(_labels(part, moments, prepared.grid, model))
            for moments in sample_logits(
                stitched, model.plan.spacing_mm, options.samples, options.seed, model.form
            )
        )
    notes = (*result.notes, *_notes(options, model, maps, samples))
    return maps, samples, notes, execution


def _labels(part: Part, moments: StitchedMoments, grid: GridRecord, model: LoadedModel) -> LabelMap:
    """The label map of one sample of the logits."""
    labels = np.zeros(part.volume.geometry.shape_kji, label_dtype(model.labels))
    _, j, i = grid.native_box_kji

    def assign(k: slice, mean: Tensor, *_variances: Tensor) -> None:
        labels[k, j, i] = assign_labels(mean, model.coordinates, model.labels).numpy()

    to_native(moments, grid, assign)
    return labels


def _box(volume: ScalarVolume, options: SegmentOptions) -> VoxelBox:
    """What the user asked for."""
    if options.roi_ras_mm is not None:
        return voxel_box(options.roi_ras_mm, volume.geometry)
    k, j, i = volume.geometry.shape_kji
    return (slice(0, k), slice(0, j), slice(0, i))


def _box_notes(asked: VoxelBox, box: VoxelBox, *, is_needed: bool) -> Iterator[str]:
    if box != asked:
        k, j, i = (axis.stop - axis.start for axis in box)
        reason = (
            "because the model was trained on images that end there"
            if is_needed
            else "as was asked for"
        )
        yield f"Only a box of {i} x {j} x {k} voxels around the body was segmented, {reason}."


def _notes(
    options: SegmentOptions,
    model: LoadedModel,
    maps: SparsePrediction,
    samples: Sequence[LabelMap],
) -> Iterator[str]:
    if options.mirror and not model.mirror_axes:
        yield "The model was not trained with mirroring, so no mirrored passes were made."
    if len(samples) > 1:
        for label in model.labels:
            volumes = [np.count_nonzero(sample == label.value) for sample in samples]
            millilitres = np.array(volumes) * maps.geometry.voxel_volume_mm3 / 1000
            yield (
                f"{label.name}: {millilitres.mean():.1f} mL with a standard deviation of "
                f"{millilitres.std(ddof=1):.2f} mL over {len(samples)} samples; the correlation of their "
                f"noise over {CORRELATION_LENGTH_MM:g} mm is assumed, not learned."
            )


def _sample_writer(segmentation: Segmentation) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "samples").mkdir()
        for number, labels in enumerate(segmentation.samples, start=1):
            sample = LabelVolume(labels, segmentation.maps.geometry)
            write_label_volume(sample, folder / "samples" / f"sample_{number}.nii.gz")

    return write


def _describe_model(model: LoadedModel) -> dict[str, Any]:
    function = model.variance_function
    return {
        "id": model.id,
        "name": model.name,
        "version": model.metadata.version if model.metadata else None,
        "sha256": model.sha256,
        "parameterisation": model.parameterisation,
        "configuration": model.folder.configuration_name,
        "folds": list(model.folder.folds),
        "is_stochastic": model.is_stochastic,
        "variance_function": function.to_dict() if function else None,
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
        "compressor": compressor(),
    }
