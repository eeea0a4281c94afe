"""What the worker can do, behind an interface that knows nothing of how messages travel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mobseg.progress import Progress
from mobseg.protocol import Device, ModelInfo, SegmentRequest
from mobseg.summary import SegmentationSummary, summarise
from mobseg.worker.model_cache import ModelCache

if TYPE_CHECKING:
    from mobseg.model import LoadedModel


class Engine(Protocol):
    """Does the work of the requests.

    One thread calls the methods; another one may read the properties at the same time.
    """

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """Models in memory, the most recently used first."""

    @property
    def models_loaded(self) -> int:
        """Number of times that a model was read from disk."""

    def prepare(self) -> tuple[Device, ...]:
        """Import what has to be there for any request, and list the devices, the best first."""

    def warm_up(self) -> None:
        """Do in advance what the first request would otherwise wait for; called while there is none."""

    def load(self, model: str | None, device: str) -> ModelInfo:
        """Have a model in memory."""

    def segment(self, request: SegmentRequest, progress: Progress) -> SegmentationSummary:
        """Segment an image into a prediction folder."""


class PipelineEngine:
    """The real engine: :mod:`mobseg.pipeline` with the last models kept in memory."""

    def __init__(self) -> None:
        self._cache = ModelCache()

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """Models in memory, the most recently used first."""
        return tuple(_info(model) for model in self._cache.models)

    @property
    def models_loaded(self) -> int:
        """Number of times that a model was read from disk."""
        return self._cache.times_loaded

    def prepare(self) -> tuple[Device, ...]:
        """Import PyTorch, and list the devices, the best first."""
        return _devices()

    def warm_up(self) -> None:
        """Import everything else."""
        import mobseg.pipeline  # noqa: PLC0415
        import mobseg.report  # noqa: F401, PLC0415

    def load(self, model: str | None, device: str) -> ModelInfo:
        """Have a model in memory."""
        return _info(self._cache.get(model, device))

    def segment(self, request: SegmentRequest, progress: Progress) -> SegmentationSummary:
        """Segment an image into a prediction folder."""
        import SimpleITK  # noqa: PLC0415

        from mobseg.pipeline import segment_file  # noqa: PLC0415

        # ITK's warnings name the file.
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
        progress.report("Loading the model", 0.0)
        segmentation = segment_file(
            Path(request.input),
            Path(request.output),
            self._cache.get(request.model, request.options.device),
            request.options,
            progress,
            overwrite=request.overwrite,
            report=request.report,
        )
        return summarise(
            segmentation.maps, segmentation.regions, segmentation.threshold, segmentation.record
        )


def _info(model: LoadedModel) -> ModelInfo:
    return ModelInfo(model.id, model.name, str(model.device))


def _devices() -> tuple[Device, ...]:
    import torch  # noqa: PLC0415

    from mobseg.device import describe_device  # noqa: PLC0415

    devices = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append(torch.device("mps"))
    devices.append(torch.device("cpu"))
    return tuple(Device(str(device), describe_device(device)) for device in devices)
