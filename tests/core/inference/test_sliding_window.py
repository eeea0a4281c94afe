"""The sliding window against nnU-Net's predictor, and what happens when things go wrong."""

from __future__ import annotations

import contextlib
import io
from functools import partial
from pathlib import Path

import pytest
import torch
from nnunetv2.inference import predict_from_raw_data
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from torch import Tensor

from mobseg.errors import Cancelled, DeviceError, NumericalError
from mobseg.inference import sliding_window, stitching
from mobseg.inference.accumulator import MomentAccumulator, StitchedMoments
from mobseg.inference.sliding_window import MomentFn, is_out_of_memory, predict_moments
from mobseg.inference.stitching import Stitching
from mobseg.inference.windows import Window, gaussian_importance, window_slices
from mobseg.slabs import Slabwise
from tests.support.computed_moments import computed
from tests.support.model_factory import make_model_folder

PATCH = (16, 16, 16)

Moments = Slabwise[tuple[Tensor, ...]]


class CountingFn:
    """A cheap moment function whose output depends on the whole window; counts its windows."""

    def __init__(self, thickness: int | None = None) -> None:
        self.batches: list[int] = []
        self._thickness = thickness

    def __call__(self, x: Tensor) -> Moments:
        self.batches.append(len(x))
        ramp = torch.arange(x[0].numel(), dtype=torch.float32).reshape(x[0].shape) / 1e3
        context = x.mean(dim=(2, 3, 4), keepdim=True)
        mean = torch.cat([x + context, x * ramp], dim=1)
        return computed(mean, x.square() + context.abs(), thickness=self._thickness)


class RecordingProgress:
    """Keeps what it is told; cancels after a number of checks."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.fractions: list[float] = []
        self._checks_left = cancel_at

    def report(self, stage: str, fraction: float) -> None:
        assert stage == "Predicting"
        self.fractions.append(fraction)

    def raise_if_cancelled(self) -> None:
        if self._checks_left is not None:
            if self._checks_left == 0:
                raise Cancelled("Cancelled.")
            self._checks_left -= 1


def image(shape: tuple[int, int, int], seed: int = 0) -> Tensor:
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed))


def assert_same(actual: StitchedMoments, expected: StitchedMoments, atol: float = 1e-5) -> None:
    for name in ("mean", "model_variance", "disagreement_variance"):
        torch.testing.assert_close(
            getattr(actual, name), getattr(expected, name), atol=atol, rtol=1e-5
        )


# --- Against nnU-Net ---


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> nnUNetPredictor:
    folder = make_model_folder(
        tmp_path_factory.mktemp("model") / "m", patch=PATCH, features=(4, 8), folds=(0, 1)
    )
    return load_predictor(folder)


def load_predictor(folder: Path) -> nnUNetPredictor:
    with contextlib.redirect_stdout(io.StringIO()):
        predictor = nnUNetPredictor(
            perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False
        )
        predictor.initialize_from_trained_model_folder(str(folder), (0, 1))
    predictor.network.eval()
    return predictor


def fold_fns(predictor: nnUNetPredictor) -> list[MomentFn]:
    def make(parameters: dict[str, Tensor]) -> MomentFn:
        def moments(x: Tensor) -> Moments:
            predictor.network.load_state_dict(parameters)
            logits = predictor.network(x)
            return computed(logits, torch.zeros(len(x), 0, *PATCH))

        return moments

    return [make(parameters) for parameters in predictor.list_of_parameters]


@pytest.fixture
def nnunet_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets nnU-Net accumulate in float32 instead of float16; nothing else changes."""
    gaussian = partial(predict_from_raw_data.compute_gaussian, dtype=torch.float32)
    monkeypatch.setattr(predict_from_raw_data, "compute_gaussian", gaussian)
    monkeypatch.setattr(torch, "half", torch.float32)


@pytest.mark.usefixtures("nnunet_in_float32")
@pytest.mark.parametrize(
    ("shape", "mirror_axes"),
    [((24, 30, 17), ()), ((24, 20, 17), (0, 1, 2)), ((20, 16, 22), (0, 2)), ((9, 24, 12), ())],
)
def test_equals_nnunets_predictor(predictor, shape, mirror_axes):
    data = image(shape)
    predictor.use_mirroring = bool(mirror_axes)
    predictor.allowed_mirroring_axes = mirror_axes
    expected = predictor.predict_logits_from_preprocessed_data(data)
    result = predict_moments(data, fold_fns(predictor), PATCH, mirror_axes=mirror_axes)
    assert expected.dtype == torch.float32
    torch.testing.assert_close(result.moments.mean, expected, atol=1e-5, rtol=1e-5)
    # The passes differ by far more than the tolerance, so how they are averaged is tested.
    assert result.moments.disagreement_variance.mean() > 1e-3
    assert result.notes == ()


def test_equals_stock_nnunet_up_to_its_float16(predictor):
    """Stock nnU-Net sums weighted logits in float16.

    Near the edges of the image its window weights fall below the normal float16 range (6e-5), where the
    logits are rounded to a few steps; everywhere else both agree to float16 resolution.
    """
    data = image((24, 40, 33))
    predictor.use_mirroring = False
    predictor.network.load_state_dict(predictor.list_of_parameters[0])
    expected = predictor.predict_sliding_window_return_logits(data)
    assert expected.dtype == torch.float16
    mean = predict_moments(data, fold_fns(predictor)[:1], PATCH).moments.mean
    total_weight = torch.zeros(data.shape[1:])
    for window in window_slices(data.shape[1:], PATCH, 0.5):
        total_weight[window] += gaussian_importance(PATCH)
    normal = total_weight > 1e-2
    assert normal.float().mean() > 0.6
    torch.testing.assert_close(mean[:, normal], expected[:, normal].float(), atol=5e-3, rtol=2e-3)


# --- Invariants ---


def test_one_window_is_the_network_itself():
    data = image(PATCH)
    moments = predict_moments(data, [CountingFn()], PATCH).moments
    mean, variance = CountingFn()(data[None]).compute(slice(0, 16))
    assert torch.equal(moments.mean, mean[0])
    assert torch.equal(moments.model_variance, variance[0])
    assert torch.equal(moments.disagreement_variance, torch.zeros_like(mean[0]))


@pytest.mark.parametrize("mirror_axes", [(), (0, 1, 2)])
def test_constant_network_gives_that_constant(mirror_axes):
    def constant(x: Tensor) -> Moments:
        return computed(torch.full_like(x, -7.3), torch.full_like(x, 0.3))

    data = image((30, 21, 10))
    moments = predict_moments(data, [constant] * 2, PATCH, mirror_axes=mirror_axes).moments
    assert torch.equal(moments.mean, torch.full_like(data, -7.3))
    assert torch.equal(moments.model_variance, torch.full_like(data, 0.3))
    assert torch.equal(moments.disagreement_variance, torch.zeros_like(data))


def test_padding_is_removed():
    def identity(x: Tensor) -> Moments:
        return computed(x, x.square())

    data = image((10, 30, 13))
    moments = predict_moments(data, [identity], PATCH, mirror_axes=(0, 2)).moments
    torch.testing.assert_close(moments.mean, data, atol=1e-6, rtol=0)
    torch.testing.assert_close(moments.model_variance, data.square(), atol=1e-6, rtol=0)


def test_batch_size_does_not_matter():
    data = image((30, 21, 24))
    single = predict_moments(data, [CountingFn()], PATCH, mirror_axes=(1,))
    moment_fn = CountingFn()
    batched = predict_moments(data, [moment_fn], PATCH, mirror_axes=(1,), batch_size=5)
    assert max(moment_fn.batches) == 5
    assert_same(batched.moments, single.moments)


def test_disagreement_of_two_folds():
    """Folds that say 1 and 3: mean 2, disagreement 1, model variance 0.5."""

    def say(value: float) -> MomentFn:
        return lambda x: computed(torch.full_like(x, value), torch.full_like(x, value / 4))

    data = image((20, 20, 20))
    moments = predict_moments(data, [say(1.0), say(3.0)], PATCH).moments
    torch.testing.assert_close(moments.mean, torch.full_like(data, 2.0))
    torch.testing.assert_close(moments.model_variance, torch.full_like(data, 0.5))
    torch.testing.assert_close(moments.disagreement_variance, torch.full_like(data, 1.0))


# --- Air ---


@pytest.mark.parametrize("mirror_axes", [(), (0, 2)])
def test_air_goes_through_the_network_once(mirror_axes):
    data = torch.full((1, 16, 16, 80), -2.5)
    data[..., :20] = image((16, 16, 20))
    moment_fn = CountingFn()
    skipped = predict_moments(data, [moment_fn], PATCH, mirror_axes=mirror_axes)
    # Windows start at 0, 8, ..., 64; from 24 on they hold air only.
    mirrors = 2 ** len(mirror_axes)
    assert sum(moment_fn.batches) == 3 * mirrors + 1

    # A deviation below the resolution of the output makes every window count as content.
    noisy = data.clone()
    noisy[..., 7::8] += 1e-6
    moment_fn = CountingFn()
    full = predict_moments(noisy, [moment_fn], PATCH, mirror_axes=mirror_axes)
    assert sum(moment_fn.batches) == 9 * mirrors
    assert_same(skipped.moments, full.moments, atol=2e-5)


@pytest.mark.usefixtures("nnunet_in_float32")
def test_air_result_of_a_real_network_is_unchanged(predictor):
    data = torch.full((1, 16, 24, 56), -2.5)
    data[..., :20] = image((16, 24, 20))
    network_fn = fold_fns(predictor)[0]
    moments = predict_moments(data, [network_fn], PATCH).moments
    predictor.use_mirroring = False
    predictor.network.load_state_dict(predictor.list_of_parameters[0])
    expected = predictor.predict_sliding_window_return_logits(data)
    torch.testing.assert_close(moments.mean, expected, atol=1e-5, rtol=1e-5)


# --- Progress, cancelling, failures ---


def test_progress_rises_to_the_end_of_its_range():
    progress = RecordingProgress()
    data = torch.zeros(1, 16, 16, 48)
    data[..., :16] = image((16, 16, 16))
    predict_moments(data, [CountingFn()] * 2, PATCH, progress=progress, fraction_range=(0.2, 0.8))
    assert progress.fractions == sorted(progress.fractions)
    assert 0.2 < progress.fractions[0] < 0.8
    assert progress.fractions[-1] == pytest.approx(0.8)
    # Per fold: three windows of air at once, then two windows of content.
    assert len(progress.fractions) == 2 * 3


def test_cancelling_stops_between_windows():
    moment_fn = CountingFn()
    with pytest.raises(Cancelled):
        predict_moments(
            image((16, 16, 80)), [moment_fn], PATCH, progress=RecordingProgress(cancel_at=3)
        )
    assert len(moment_fn.batches) == 3


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("thickness", [None, 6])
def test_output_that_is_not_finite_is_refused(bad, which, thickness):
    def broken(x: Tensor) -> Moments:
        outputs = [x.clone(), x.square()]
        outputs[which][0, 0, 13, 4, 5] = bad
        return computed(*outputs, thickness=thickness)

    with pytest.raises(NumericalError, match="not finite"):
        predict_moments(image((20, 16, 16)), [broken], PATCH)


class Memory:
    """A moment function on a device that holds ``capacity`` windows until it is moved."""

    def __init__(self, capacity: int, error: RuntimeError | None = None) -> None:
        self.capacity = capacity
        self.moves = 0
        self.inner = CountingFn()
        self._error = error or torch.OutOfMemoryError("CUDA out of memory.")

    def __call__(self, x: Tensor) -> Moments:
        if len(x) > self.capacity:
            raise self._error
        return self.inner(x)

    def move_to_cpu(self) -> None:
        self.moves += 1
        self.capacity = 1000


def test_out_of_memory_halves_the_batch():
    data = image((30, 21, 24))
    moment_fn = Memory(capacity=2)
    result = predict_moments(
        data, [moment_fn], PATCH, batch_size=8, move_to_cpu=moment_fn.move_to_cpu
    )
    assert_same(result.moments, predict_moments(data, [CountingFn()], PATCH).moments)
    assert result.notes == (
        "Memory ran out, so the batch size was reduced to 4.",
        "Memory ran out, so the batch size was reduced to 2.",
    )
    assert moment_fn.moves == 0
    assert sum(moment_fn.inner.batches) == 3 * 2 * 2


def test_out_of_memory_moves_to_the_cpu_last():
    data = image((30, 21, 24))
    moment_fn = Memory(capacity=0)
    result = predict_moments(
        data, [moment_fn, moment_fn], PATCH, batch_size=2, move_to_cpu=moment_fn.move_to_cpu
    )
    assert_same(result.moments, predict_moments(data, [CountingFn()], PATCH).moments)
    assert moment_fn.moves == 1
    assert result.notes[-1] == (
        "One window did not fit into the device's memory, so the network ran on the CPU."
    )


def test_out_of_memory_without_a_way_out():
    with pytest.raises(DeviceError, match="not enough memory"):
        predict_moments(image(PATCH), [Memory(capacity=0)], PATCH, batch_size=4)


def test_other_errors_are_not_taken_for_out_of_memory():
    moment_fn = Memory(capacity=0, error=RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        predict_moments(image(PATCH), [moment_fn], PATCH, move_to_cpu=moment_fn.move_to_cpu)
    assert moment_fn.moves == 0


@pytest.mark.parametrize(
    "message",
    [
        "MPS backend out of memory (MPS allocated: 5.00 GB)",
        "CUDA error: out of memory",
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 4000000000000 bytes.",
    ],
)
def test_recognises_out_of_memory_by_its_message(message):
    assert is_out_of_memory(RuntimeError(message))


def test_recognises_a_real_out_of_memory_error():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_result_that_does_not_fit_into_main_memory(monkeypatch):
    def add(*args: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes.")

    monkeypatch.setattr(MomentAccumulator, "add", add)
    with pytest.raises(DeviceError, match="not enough main memory for the result"):
        predict_moments(image(PATCH), [CountingFn()], PATCH)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_result_moves_to_main_memory_when_the_gpu_is_full():
    data = image((64, 256, 256))  # 17 MB for each of the four arrays of the result
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(40e6 / total)
    try:
        result = predict_moments(
            data, [lambda x: computed(x, x.square())], PATCH, step=1.0, device="cuda"
        )
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert result.notes == ("The device's memory ran out, so the result was kept in main memory.",)
    torch.testing.assert_close(result.moments.mean, data, atol=1e-6, rtol=0)


# --- Streaming ---


@pytest.mark.parametrize(
    ("shape", "mirror_axes"), [((50, 21, 18), ()), ((37, 24, 16), (0, 1)), ((10, 21, 30), (2,))]
)
def test_planes_that_are_handed_on_equal_those_that_are_kept(shape, mirror_axes):
    data = image(shape)
    fns = [CountingFn(), lambda x: computed(torch.cat([x, -x], dim=1), x.square())]
    kept = predict_moments(data, fns, PATCH, mirror_axes=mirror_axes).moments
    slabs: list[StitchedMoments] = []

    def collect(_: Window, moments: StitchedMoments) -> None:
        slabs.append(moments)

    result = predict_moments(data, fns, PATCH, mirror_axes=mirror_axes, consume=collect)
    assert result.moments.mean.shape == (2, 0, *shape[1:])
    assert result.moments.mean.untyped_storage().nbytes() == 0
    for name in ("mean", "model_variance", "disagreement_variance"):
        joined = torch.cat([getattr(slab, name) for slab in slabs], dim=1)
        assert torch.equal(joined, getattr(kept, name))


def test_hardly_more_planes_than_those_of_a_window_exist(monkeypatch):
    alive: list[int] = []
    most = 0

    class Counted(MomentAccumulator):
        def __init__(self, *arguments: object) -> None:
            nonlocal most
            super().__init__(*arguments)
            self.depth = self._total_weight.shape[0]
            alive.append(self.depth)
            most = max(most, sum(alive))

        def finish(self) -> StitchedMoments:
            alive.remove(self.depth)
            return super().finish()

    monkeypatch.setattr(stitching, "MomentAccumulator", Counted)
    predict_moments(
        image((120, 16, 16)), [CountingFn()], PATCH, consume=lambda _box, _moments: None
    )
    assert not alive
    assert most <= PATCH[0] + 8


def test_planes_are_handed_on_after_the_results_moved_to_main_memory():
    """A segment that does not fit on the device is added on the CPU, and no pass is added twice."""
    data = image((50, 21, 18))
    expected = predict_moments(data, [CountingFn()], PATCH).moments
    slabs: list[StitchedMoments] = []
    failures = iter([False, False, True] + [False] * 1000)
    add = Stitching.add

    def failing(self: Stitching, *arguments: object) -> None:
        if next(failures):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        add(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stitching, "add", failing)
        patch.setattr(sliding_window._Run, "_move_results_to_cpu", lambda self: None)
        predict_moments(
            data, [CountingFn()], PATCH, consume=lambda _, moments: slabs.append(moments)
        )
    joined = torch.cat([slab.mean for slab in slabs], dim=1)
    assert torch.equal(joined, expected.mean)


def test_a_large_output_for_air_is_computed_once_in_each_row_of_windows(monkeypatch):
    data = torch.full((1, 48, 16, 32), -2.5)
    few, many = CountingFn(), CountingFn()
    kept = predict_moments(data, [few], PATCH).moments
    monkeypatch.setattr(sliding_window, "_KEPT_VALUES", 0)
    again = predict_moments(data, [many], PATCH).moments
    assert sum(few.batches) == 1
    assert sum(many.batches) == 5
    assert torch.equal(kept.mean, again.mean)
