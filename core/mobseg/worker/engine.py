"""What the worker can do, behind an interface that knows nothing of messages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mobseg.progress import Progress
from mobseg.protocol import Device, ModelInfo, SegmentRequest
from mobseg.summary import SegmentationSummary, summarise

if TYPE_CHECKING:
    from mobseg.pipeline import LoadedModel

#: Two, so that switching between a new and an old model to compare them stays fast.
MAX_MODELS = 2


class Engine(Protocol):
    """Does the work of the requests. All but :attr:`models` and :attr:`models_loaded` run in one thread."""

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """Models in memory, the most recently used first."""

    @property
    def models_loaded(self) -> int:
        """Number of times that a model was read from disk."""

    def prepare(self) -> tuple[Device, ...]:
        """Import what takes long and list the devices."""

    def load(self, model: str | None, device: str) -> ModelInfo:
        """Have a model in memory."""

    def segment(self, request: SegmentRequest, progress: Progress) -> SegmentationSummary:
        """Segment an image into a prediction folder."""


@dataclass(frozen=True)
class _WarmModel:
    """A loaded model under the names that it was asked for by."""

    model: str | None
    device: str
    loaded: LoadedModel


class PipelineEngine:
    """The real engine: :mod:`mobseg.pipeline` with the last models kept in memory."""

    def __init__(self) -> None:
        # Replaced, never changed, so that another thread may read it.
        self._warm: tuple[_WarmModel, ...] = ()
        self._models_loaded = 0

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """Models in memory, the most recently used first."""
        return tuple(_info(warm.loaded) for warm in self._warm)

    @property
    def models_loaded(self) -> int:
        """Number of times that a model was read from disk."""
        return self._models_loaded

    def prepare(self) -> tuple[Device, ...]:
        """Import PyTorch and the pipeline, and list the devices."""
        import SimpleITK  # noqa: PLC0415

        import mobseg.pipeline  # noqa: F401, PLC0415

        # ITK's warnings name the file.
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)  # type: ignore[no-untyped-call]
        return _devices()

    def load(self, model: str | None, device: str) -> ModelInfo:
        """Have a model in memory."""
        return _info(self._warm_model(model, device))

    def segment(self, request: SegmentRequest, progress: Progress) -> SegmentationSummary:
        """Segment an image into a prediction folder."""
        from mobseg.pipeline import segment_file  # noqa: PLC0415

        progress.report("Loading the model", 0.0)
        segmentation = segment_file(
            Path(request.input),
            Path(request.output),
            self._warm_model(request.model, request.options.device),
            request.options,
            progress,
            overwrite=request.overwrite,
            report=request.report,
        )
        return summarise(
            segmentation.maps, segmentation.regions, segmentation.threshold, segmentation.record
        )

    def _warm_model(self, model: str | None, device: str) -> LoadedModel:
        from mobseg.pipeline import load_model  # noqa: PLC0415

        found = [warm for warm in self._warm if (warm.model, warm.device) == (model, device)]
        others = tuple(warm for warm in self._warm if warm not in found)[: MAX_MODELS - 1]
        # The oldest goes first, so that its memory is free for the new one.
        self._warm = (*found, *others)
        if not found:
            found = [_WarmModel(model, device, load_model(model, device=device))]
            self._models_loaded += 1
            self._warm = (*found, *others)
        return found[0].loaded


def _info(model: LoadedModel) -> ModelInfo:
    return ModelInfo(model.id, model.name, str(model.device))


def _devices() -> tuple[Device, ...]:
    import torch  # noqa: PLC0415

    devices = [
        Device(f"cuda:{index}", torch.cuda.get_device_name(index))
        for index in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append(Device("mps", "Apple GPU"))
    return (*devices, Device("cpu", f"CPU, {torch.get_num_threads()} threads"))
