"""Runs a network over a volume in overlapping windows and stitches the moments of its logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from mobseg.covariance.form import CovarianceForm
from mobseg.errors import DeviceError, NumericalError
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.passes import Job, plan_rows
from mobseg.inference.plan import Size
from mobseg.inference.stitching import MomentConsumer, Stitching
from mobseg.inference.windows import (
    gaussian_importance,
    in_window,
    pad_to_patch,
    window_slices,
)
from mobseg.progress import Progress, SilentProgress
from mobseg.slabs import Slabwise

#: Maps windows (B, 1, Z, Y, X) to what can be computed of their slabs of z planes: the means (B, Q, z, Y, X) of
#: the logits and their variances (B, V, z, Y, X), or the factors (B, F, z, Y, X) of the form of their
#: covariance, float32.
MomentFn = Callable[[Tensor], Slabwise[tuple[Tensor, ...]]]

_T = TypeVar("_T")

#: Largest output for a window of one value that is kept for other rows of windows: 200 MB.
_KEPT_VALUES = 50_000_000

_CPU = torch.device("cpu")
_OUT_OF_MEMORY_PHRASES = ("out of memory", "can't allocate memory", "not enough memory")


@dataclass(frozen=True, eq=False)
class SlidingWindowResult:
    """Stitched moments, and sentences on everything that had to be done in another way than asked.

    Moments that were handed on are not among them: then there are no planes.
    """

    moments: StitchedMoments
    notes: tuple[str, ...]


def predict_moments(
    data: Tensor,
    moment_fns: Sequence[MomentFn],
    patch_size: Size,
    *,
    mirror_axes: tuple[int, ...] = (),
    step: float = 0.5,
    batch_size: int = 1,
    device: torch.device | str = _CPU,
    form: CovarianceForm | None = None,
    progress: Progress | None = None,
    fraction_range: tuple[float, float] = (0.0, 1.0),
    move_to_cpu: Callable[[], None] | None = None,
    consume: MomentConsumer | None = None,
) -> SlidingWindowResult:
    """Predict the moments of the logits at every voxel.

    Windows, mirrors and weights are nnU-Net's. A window of one constant value (air) gives the same
    output wherever it lies, so each such value goes through the network once, or once in each row of
    windows along the first axis if its output is too large to be kept.

    Args:
        data: (1, Z, Y, X) float32, the preprocessed image.
        moment_fns: one network per fold; all passes of all folds have the same weight.
        patch_size: window size.
        mirror_axes: spatial axes (0 to 2); every combination of them is mirrored, as is none.
        step: largest distance of neighbouring windows as a fraction of the window.
        batch_size: windows per call of the network.
        device: where the windows are sent and the moments are kept.
        form: what the factors of ``moment_fns`` are of; without one they give variances.
        progress: told the fraction after every batch, and asked before it whether to go on.
        fraction_range: the part of the whole run that this call is.
        move_to_cpu: makes all ``moment_fns`` accept input on the CPU; called at most once, after the
            device could not even hold one window.
        consume: takes tiles of the image, the last axis fastest, as soon as no later window touches them;
            they are then forgotten, so that hardly more than the planes of one window are held.

    Raises:
        Cancelled: the user cancelled.
        NumericalError: a network's output is not finite.
        DeviceError: out of memory with no fallback left.
    """
    padded, inside = pad_to_patch(data, patch_size)
    windows = window_slices(_spatial(padded), patch_size, step)
    rows = plan_rows(padded, windows, mirror_axes)
    device = torch.device(device)
    passes = len(moment_fns) * 2 ** len(mirror_axes)
    stitching = Stitching(_spatial(padded), inside, windows, passes, device, form, consume)
    run = _Run(padded, patch_size, batch_size, device, stitching, move_to_cpu)
    start, stop = fraction_range
    total = len(moment_fns) * sum(row.passes for row in rows)
    done = 0
    progress = progress or SilentProgress()
    for row in rows:
        for moment_fn in moment_fns:
            position = 0
            while position < len(row.jobs):
                progress.raise_if_cancelled()
                finished = run.predict_batch(row.jobs[position:], moment_fn)
                position += len(finished)
                done += sum(len(job.targets) for job in finished)
                progress.report("Predicting", start + (stop - start) * done / total)
    return SlidingWindowResult(stitching.rest(), tuple(run.notes))


class _Run:
    """The state of one prediction: where it runs, how many windows at a time, and the moments.

    When memory runs out, predict fewer windows at a time; keep the moments in main memory; move the
    network to the CPU; in this order, as each step costs more time than the one before.
    """

    def __init__(
        self,
        data: Tensor,
        patch_size: Size,
        batch_size: int,
        device: torch.device,
        stitching: Stitching,
        move_to_cpu: Callable[[], None] | None,
    ) -> None:
        self.notes: list[str] = []
        self._data = data
        self._weight = gaussian_importance(patch_size)
        self._batch_size = batch_size
        self._device = device
        self._result_device = device
        self._stitching = stitching
        self._move_to_cpu = move_to_cpu
        self._of_constant: dict[tuple[MomentFn, float], tuple[Tensor, ...]] = {}

    @torch.no_grad()
    def predict_batch(self, jobs: Sequence[Job], moment_fn: MomentFn) -> Sequence[Job]:
        """Predict the first jobs, as many as fit, and return them."""
        known = self._of_constant.get((moment_fn, jobs[0].constant or 0.0))
        if jobs[0].constant is not None and known is not None:
            self._add(jobs[0], slice(0, len(self._weight)), known)
            return jobs[:1]
        batch, moments, outputs = self._begin(jobs, moment_fn)
        for planes in moments.slabs:
            # Only the first slab is there already.
            outputs = outputs or self._unless_full(partial(_checked, moments, planes))
            self._add_batch(batch, planes, outputs)
            if len(moments.slabs) == 1:
                self._keep_constants(batch, moment_fn, outputs)
            # The next slab needs its memory.
            outputs = ()
        return batch

    def _begin(
        self, jobs: Sequence[Job], moment_fn: MomentFn
    ) -> tuple[Sequence[Job], Slabwise[tuple[Tensor, ...]], tuple[Tensor, ...]]:
        """The first jobs, as many as fit, what the network gives for them, and its first slab.

        Where the first slab fits into memory, so do the others.
        """
        while True:
            batch = jobs[: self._batch_size]
            found = _unless_out_of_memory(partial(self._forward, batch, moment_fn))
            if found is not None:
                return batch, *found
            self._relieve_memory()

    def _forward(
        self, batch: Sequence[Job], moment_fn: MomentFn
    ) -> tuple[Slabwise[tuple[Tensor, ...]], tuple[Tensor, ...]]:
        sources = [job.source for job in batch]
        inputs = [in_window(self._data, source.window).flip(source.flips) for source in sources]
        moments = moment_fn(torch.stack(inputs).to(self._device))
        return moments, _checked(moments, moments.slabs[0])

    def _add_batch(self, batch: Sequence[Job], planes: slice, outputs: Sequence[Tensor]) -> None:
        for job, *output in zip(batch, *outputs, strict=True):
            self._add(job, planes, output)

    def _keep_constants(
        self, batch: Sequence[Job], moment_fn: MomentFn, outputs: Sequence[Tensor]
    ) -> None:
        """Keep the whole outputs for other rows, if they are small."""
        for job, *output in zip(batch, *outputs, strict=True):
            if job.constant is not None and sum(o.numel() for o in output) <= _KEPT_VALUES:
                kept = tuple(o.clone() for o in output)
                self._of_constant[moment_fn, job.constant] = kept

    def _add(self, job: Job, planes: slice, output: Sequence[Tensor]) -> None:
        """Add some planes of an output to all passes that it stands for."""
        for target in job.targets:
            mean, *factors = [
                self._unless_full(partial(_flipped, tensor, target.flips)) for tensor in output
            ]
            own = _mirrored(planes, len(self._weight)) if 1 in target.flips else planes
            z, y, x = target.window
            box = (slice(z.start + own.start, z.start + own.stop), y, x)
            weight = self._weight[own]
            for part in self._stitching.parts(box):
                self._unless_full(partial(self._stitching.add, part, box, mean, factors, weight))
                self._stitching.hand_on()

    def _unless_full(self, action: Callable[[], _T]) -> _T:
        """The action's result; if memory runs out, after making room."""
        result = _unless_out_of_memory(lambda: (action(),))
        if result is None:
            self._move_results_to_cpu()
            return action()
        return result[0]

    def _relieve_memory(self) -> None:
        full_device = self._device
        if self._batch_size > 1:
            self._batch_size //= 2
            self.notes.append(
                f"Memory ran out, so the batch size was reduced to {self._batch_size}."
            )
        elif self._result_device.type != "cpu":
            self._move_results_to_cpu()
        elif self._move_to_cpu is not None:
            self._move_to_cpu()
            self._move_to_cpu = None
            self._device = _CPU
            self.notes.append(
                "One window did not fit into the device's memory, so the network ran on the CPU."
            )
        else:
            raise DeviceError(
                "There is not enough memory for a single window of the network; close other programs "
                "or use a machine with more memory."
            )
        _free_cached_memory(full_device)

    def _move_results_to_cpu(self) -> None:
        if self._result_device.type == "cpu":
            raise DeviceError(
                "There is not enough main memory for the result; close other programs or segment a "
                "smaller part of the image."
            )
        self._result_device = _CPU
        self._stitching.to(_CPU)
        _free_cached_memory(self._device)
        self.notes.append("The device's memory ran out, so the result was kept in main memory.")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether PyTorch ran out of memory, on whatever device."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return True
    return any(phrase in str(error).lower() for phrase in _OUT_OF_MEMORY_PHRASES)


def _unless_out_of_memory(action: Callable[[], _T]) -> _T | None:
    """The action's result, or ``None`` if it ran out of memory.

    A function of its own, so that the failed call's tensors are free again when it returns.
    """
    try:
        return action()
    except RuntimeError as error:
        if is_out_of_memory(error):
            return None
        raise


def _free_cached_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _checked(moments: Slabwise[tuple[Tensor, ...]], planes: slice) -> tuple[Tensor, ...]:
    """Compute a slab."""
    outputs = moments.compute(planes)
    if not all(map(_is_finite, outputs)):
        raise NumericalError(
            "The network's output is not finite for this image; check that the image holds "
            "Hounsfield units and that the model is intact, or run on another device."
        )
    return outputs


def _is_finite(data: Tensor) -> bool:
    """Whether all numbers are finite; neither infinity nor NaN gets past the extremes."""
    return not data.numel() or all(bool(extreme.isfinite()) for extreme in data.aminmax())


def _flipped(data: Tensor, flips: tuple[int, ...]) -> Tensor:
    """Flipped, without a copy if nothing is."""
    return data.flip(flips) if flips else data


def _mirrored(planes: slice, depth: int) -> slice:
    return slice(depth - planes.stop, depth - planes.start)


def _spatial(data: Tensor) -> Size:
    _, z, y, x = data.shape
    return (z, y, x)
