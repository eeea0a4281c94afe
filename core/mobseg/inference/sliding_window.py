"""Runs a network over a volume in overlapping windows and stitches the moments of its logits."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from mobseg.covariance.form import CovarianceForm
from mobseg.errors import DeviceError, NumericalError
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.plan import Size
from mobseg.inference.stitching import MomentConsumer, Stitching
from mobseg.inference.windows import (
    Window,
    gaussian_importance,
    in_window,
    pad_to_patch,
    window_slices,
)
from mobseg.progress import Progress, SilentProgress

#: Maps (B, 1, *P) to the means (B, Q, *P) of the logits and their variances (B, V, *P), or the factors
#: (B, F, *P) of the form of their covariance, float32.
MomentFn = Callable[[Tensor], tuple[Tensor, ...]]

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
        consume: takes planes along the first axis, in order, as soon as no later window touches them;
            they are then forgotten, so that hardly more than the planes of one window are held.

    Raises:
        Cancelled: the user cancelled.
        NumericalError: a network's output is not finite.
        DeviceError: out of memory with no fallback left.
    """
    padded, inside = pad_to_patch(data, patch_size)
    rows = _plan_rows(padded, window_slices(_spatial(padded), patch_size, step), mirror_axes)
    device = torch.device(device)
    planes = [row.planes for row in rows]
    stitching = Stitching(_spatial(padded), inside, planes, device, form, consume)
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
        stitching.finish_row()
    return SlidingWindowResult(stitching.rest(), tuple(run.notes))


@dataclass(frozen=True)
class _Pass:
    """One window, seen mirrored along ``flips`` (dimensions of a (C, Z, Y, X) tensor)."""

    window: Window
    flips: tuple[int, ...]


@dataclass(frozen=True)
class _Job:
    """One input to the network, all passes that its output stands for, and its value if it has one."""

    source: _Pass
    targets: tuple[_Pass, ...]
    constant: float | None = None


@dataclass(frozen=True)
class _Row:
    """Windows at the same place along the first axis."""

    planes: slice
    jobs: tuple[_Job, ...]

    @property
    def passes(self) -> int:
        return sum(len(job.targets) for job in self.jobs)


def _plan_rows(data: Tensor, windows: Iterable[Window], mirror_axes: Sequence[int]) -> list[_Row]:
    flips = [
        tuple(1 + axis for axis in combination)
        for n in range(len(mirror_axes) + 1)
        for combination in itertools.combinations(mirror_axes, n)
    ]
    return [
        _Row(slice(start, row[0][0].stop), tuple(_plan_jobs(data, row, flips)))
        for start, group in itertools.groupby(windows, lambda window: window[0].start)
        if (row := list(group))
    ]


def _plan_jobs(
    data: Tensor, windows: Iterable[Window], flips: Sequence[tuple[int, ...]]
) -> list[_Job]:
    constant: dict[float, list[_Pass]] = defaultdict(list)
    jobs = []
    for window in windows:
        passes = [_Pass(window, f) for f in flips]
        low, high = torch.aminmax(in_window(data, window))
        if low == high:
            constant[float(low)] += passes
        else:
            jobs += [_Job(p, (p,)) for p in passes]
    # A constant is its own mirror image: the unmirrored output serves all passes.
    return [
        _Job(passes[0], tuple(passes), constant=value) for value, passes in constant.items()
    ] + jobs


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
    def predict_batch(self, jobs: Sequence[_Job], moment_fn: MomentFn) -> Sequence[_Job]:
        """Predict the first jobs, as many as fit, and return them."""
        known = self._of_constant.get((moment_fn, jobs[0].constant or 0.0))
        if jobs[0].constant is not None and known is not None:
            self._add(jobs[0], known)
            return jobs[:1]
        while True:
            batch = jobs[: self._batch_size]
            outputs = _unless_out_of_memory(partial(self._forward, batch, moment_fn))
            if outputs is not None:
                break
            self._relieve_memory()
        for job, *output in zip(batch, *outputs, strict=True):
            self._add(job, output)
            if job.constant is not None and sum(o.numel() for o in output) <= _KEPT_VALUES:
                kept = tuple(o.clone() for o in output)
                self._of_constant[moment_fn, job.constant] = kept
        return batch

    def _forward(self, batch: Sequence[_Job], moment_fn: MomentFn) -> tuple[Tensor, ...]:
        sources = [job.source for job in batch]
        inputs = [in_window(self._data, source.window).flip(source.flips) for source in sources]
        outputs = moment_fn(torch.stack(inputs).to(self._device))
        if not all(map(_is_finite, outputs)):
            raise NumericalError(
                "The network's output is not finite for this image; check that the image holds "
                "Hounsfield units and that the model is intact, or run on another device."
            )
        return outputs

    def _add(self, job: _Job, output: Sequence[Tensor]) -> None:
        for target in job.targets:
            mean, *factors = [
                self._unless_full(partial(_flipped, tensor, target.flips)) for tensor in output
            ]
            for part in self._stitching.parts(target.window):
                self._unless_full(
                    partial(self._stitching.add, part, target.window, mean, factors, self._weight)
                )

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


def _is_finite(data: Tensor) -> bool:
    """Whether all numbers are finite; neither infinity nor NaN gets past the extremes."""
    return not data.numel() or all(bool(extreme.isfinite()) for extreme in data.aminmax())


def _flipped(data: Tensor, flips: tuple[int, ...]) -> Tensor:
    """Flipped, without a copy if nothing is."""
    return data.flip(flips) if flips else data


def _spatial(data: Tensor) -> Size:
    _, z, y, x = data.shape
    return (z, y, x)
