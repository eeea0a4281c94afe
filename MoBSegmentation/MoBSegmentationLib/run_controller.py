"""Runs segmentations in the worker process and tells a listener how they go; a plain state machine.

It knows nothing of Qt, MRML or files' contents: the process and the clock are passed in.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from MoBSegmentationLib.run_folder import RunFolder
from MoBSegmentationLib.scheduler import Scheduler
from MoBSegmentationLib.worker_process import ProcessFactory

if TYPE_CHECKING:
    from mobseg.protocol import Device
    from mobseg.summary import SegmentationSummary


class RunState(enum.Enum):
    """What the controller is doing."""

    IDLE = "idle"  # ready for a run; a worker may be warm
    STARTING = "starting"  # the worker starts and loads PyTorch
    LOADING = "loading"  # the worker reads the model
    RUNNING = "running"  # the worker segments
    CANCELLING = "cancelling"  # the worker was asked to stop; it is killed if it takes too long
    FAILED = "failed"  # the last run failed; the next may start


@dataclass(frozen=True)
class RunRequest:
    """One segmentation.

    Attributes:
        folder: holds the image, written already; gets the result. The controller deletes the folder when
            the run fails or is cancelled, and the image in it when the run succeeds.
        model: id of an installed model, or path of a model folder; ``None`` for the default model.
        device: ``auto`` or a name from :attr:`RunController.devices`.
        roi_ras_mm: segment only this box: (xmin, xmax, ymin, ymax, zmin, zmax), RAS of the image in mm.
        threshold: review threshold; ``None`` takes the model's own.
    """

    folder: RunFolder
    model: str | None = None
    device: str = "auto"
    roi_ras_mm: tuple[float, float, float, float, float, float] | None = None
    threshold: float | None = None


class RunListener(Protocol):
    """Told about a run, on the viewer's thread. The state is changed before a method is called."""

    def on_state(self, state: RunState) -> None:
        """The controller is in a new state."""

    def on_devices(self, devices: tuple[Device, ...]) -> None:
        """The worker has listed the devices of this machine, the best first."""

    def on_progress(self, stage: str, fraction: float, seconds_left: float | None) -> None:
        """``fraction`` (0 to 1) of the run is done; ``stage`` is a short phrase for people."""

    def on_finished(self, folder: RunFolder, summary: SegmentationSummary) -> None:
        """The prediction folder ``folder.result`` is complete; whoever loaded it calls ``folder.remove()``."""

    def on_failed(self, sentence: str, details: str) -> None:
        """The run failed: one sentence for people, and the end of the worker's log for a Details button."""

    def on_cancelled(self) -> None:
        """The run was cancelled; nothing of it is left."""


class RunController:
    """Starts, follows and cancels runs; one at a time. The worker stays warm between them.

    Args:
        start_process: starts a worker process.
        scheduler: for the time limits.
        listener: told about everything.
    """

    def __init__(
        self, start_process: ProcessFactory, scheduler: Scheduler, listener: RunListener
    ) -> None:
        raise NotImplementedError

    @property
    def state(self) -> RunState:
        """What the controller is doing."""
        raise NotImplementedError

    @property
    def is_busy(self) -> bool:
        """Whether a run is under way, so that none can be started."""
        raise NotImplementedError

    @property
    def devices(self) -> tuple[Device, ...]:
        """Devices that the last worker found, the best first; empty before one was ready."""
        raise NotImplementedError

    def warm_up(self) -> None:
        """Start the worker, if there is none, so that the devices are listed and the first run waits less."""
        raise NotImplementedError

    def start(self, request: RunRequest) -> None:
        """Start a run.

        Raises:
            RuntimeError: a run is under way.
        """
        raise NotImplementedError

    def cancel(self) -> None:
        """Stop the run; does nothing without one. ``on_cancelled`` follows within seconds."""
        raise NotImplementedError

    def shutdown(self) -> None:
        """End the worker and delete what is left of a run; for when the viewer or the scene closes."""
        raise NotImplementedError
