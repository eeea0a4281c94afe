"""Runs segmentations in the worker process and tells a listener how they go; a plain state machine.

It knows nothing of Qt, MRML or files' contents: the process and the clock are passed in.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from MoBSegmentationLib.details_log import DetailsLog
from MoBSegmentationLib.run_folder import RunFolder
from MoBSegmentationLib.scheduler import Scheduler
from MoBSegmentationLib.worker_process import ProcessFactory
from MoBSegmentationLib.worker_session import WorkerSession

if TYPE_CHECKING:
    from mobseg.protocol import Device, ErrorAnswer, Message, ProgressUpdate, SegmentRequest
    from mobseg.summary import SegmentationSummary

#: A worker that was asked to stop a run and has not after this time is killed.
_GRACE_SECONDS = 3.0

#: What the worker calls its first stage.
_LOADING_STAGE = "Loading the model"


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
        self._start_process = start_process
        self._scheduler = scheduler
        self._listener = listener
        self._state = RunState.IDLE
        self._devices: tuple[Device, ...] = ()
        self._session: WorkerSession | None = None
        self._request: RunRequest | None = None
        self._message: SegmentRequest | None = None
        self._runs = 0
        self._stop_waiting: Callable[[], None] = lambda: None
        self._leftovers: set[RunFolder] = set()

    @property
    def state(self) -> RunState:
        """What the controller is doing."""
        return self._state

    @property
    def is_busy(self) -> bool:
        """Whether a run is under way, so that none can be started."""
        return self._request is not None

    @property
    def devices(self) -> tuple[Device, ...]:
        """Devices that the last worker found, the best first; empty before one was ready."""
        return self._devices

    def warm_up(self) -> None:
        """Start the worker, if there is none, so that the devices are listed and the first run waits less.

        A failure is told by the next run.
        """
        if self._session is None:
            self._session = WorkerSession(self, self._scheduler)
            self._session.open(self._start_process)

    def start(self, request: RunRequest) -> None:
        """Start a run.

        Raises:
            RuntimeError: a run is under way; the folder is deleted.
            mobseg.errors.InvalidInput: the box or threshold makes no sense; the folder is deleted.
        """
        try:
            if self.is_busy:
                raise RuntimeError("A run is under way.")
            self._message = _message(f"run-{self._runs + 1}", request)
        except Exception:
            request.folder.remove()
            raise
        self._request = request
        self._runs += 1
        self._change(RunState.STARTING)
        self.warm_up()
        if self._session is not None and self._session.is_ready:
            self._submit()

    def cancel(self) -> None:
        """Stop the run; does nothing without one. ``on_cancelled`` follows within seconds."""
        from mobseg.protocol import CancelRequest  # noqa: PLC0415

        if self._state is RunState.STARTING:
            # The worker knows of nothing yet, and may go on starting for the next run.
            self._finish_cancelled()
        elif self._session is not None and self._state in (RunState.LOADING, RunState.RUNNING):
            self._stop_waiting = self._scheduler.call_later(_GRACE_SECONDS, self._kill_cancelled)
            self._session.send(CancelRequest(f"cancel-{self._runs}", self._id))
            self._change(RunState.CANCELLING)

    def shutdown(self) -> None:
        """End the worker and delete what is left of a run; for when the viewer closes."""
        self._stop_waiting()
        session, self._session = self._session, None
        if session is not None and self.is_busy:
            session.kill_and_wait()
        elif session is not None:
            session.close()
        if self.is_busy:
            self._finish_cancelled()
        self._remove_leftovers()

    def on_message(self, session: WorkerSession, message: Message) -> None:
        """For the session: the worker sent a message."""
        if session is self._session:
            self._take(message)

    def on_lost(self, session: WorkerSession, sentence: str) -> None:
        """For the session: the worker is gone; the next run starts another."""
        if session is not self._session:
            return
        self._session = None
        if self._state is RunState.CANCELLING:
            self._finish_cancelled()
        elif self.is_busy:
            self._fail(sentence, session.log)

    def on_gone(self) -> None:
        """For the session: the process has ended, so that its files can be deleted."""
        self._remove_leftovers()

    @property
    def _id(self) -> str:
        return f"run-{self._runs}"

    def _submit(self) -> None:
        assert self._session is not None
        assert self._message is not None
        self._change(RunState.LOADING)
        self._session.send(self._message)

    def _take(self, message: Message) -> None:
        from mobseg.protocol import ErrorAnswer, ProgressUpdate, Ready, Segmented  # noqa: PLC0415

        match message:
            case Ready():
                self._take_ready(message.devices)
            case ProgressUpdate(id=self._id):
                self._take_progress(message)
            case Segmented(id=self._id) if self.is_busy:
                self._take_result(message.summary)
            case ErrorAnswer(id=self._id) if self.is_busy:
                self._take_error(message)
            case ErrorAnswer(id=None):
                self._take_error_without_id(message)
            case _:
                pass  # an answer to what no longer matters

    def _take_ready(self, devices: tuple[Device, ...]) -> None:
        self._devices = devices
        self._listener.on_devices(devices)
        if self._state is RunState.STARTING:
            self._submit()

    def _take_progress(self, update: ProgressUpdate) -> None:
        if self._state is RunState.LOADING and update.stage != _LOADING_STAGE:
            self._change(RunState.RUNNING)
        if self._state in (RunState.LOADING, RunState.RUNNING):
            self._listener.on_progress(update.stage, update.fraction, update.seconds_left)

    def _take_result(self, summary: SegmentationSummary) -> None:
        if self._state is RunState.CANCELLING:
            self._finish_cancelled()
            return
        folder = self._end_run(RunState.IDLE)
        folder.remove_input()
        self._listener.on_finished(folder, summary)

    def _take_error(self, error: ErrorAnswer) -> None:
        if error.kind == "Cancelled" or self._state is RunState.CANCELLING:
            self._finish_cancelled()
        elif self._session is not None:
            self._fail(error.sentence, self._session.log)

    def _take_error_without_id(self, error: ErrorAnswer) -> None:
        """The worker could not load what it needs and ends, or did not understand a request."""
        if error.kind == "MissingDependency":
            sentence = (
                "A Python package that segmentation needs is not installed; install it first."
            )
        else:
            sentence = error.sentence
        session = self._session
        if session is not None:
            session.log.add(f"\n{error.sentence}".encode())
            session.kill()
            self.on_lost(session, sentence)

    def _kill_cancelled(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.kill()
        self._finish_cancelled()

    def _finish_cancelled(self) -> None:
        self._discard(self._end_run(RunState.IDLE))
        self._listener.on_cancelled()

    def _fail(self, sentence: str, log: DetailsLog) -> None:
        folder = self._end_run(RunState.FAILED)
        details = log.text(hidden=(str(folder.path), str(Path.home())))
        self._discard(folder)
        self._listener.on_failed(sentence, details)

    def _end_run(self, state: RunState) -> RunFolder:
        assert self._request is not None
        folder = self._request.folder
        self._request = None
        self._stop_waiting()
        self._change(state)
        return folder

    def _discard(self, folder: RunFolder) -> None:
        if not folder.remove():
            self._leftovers.add(folder)

    def _remove_leftovers(self) -> None:
        self._leftovers = {folder for folder in self._leftovers if not folder.remove()}

    def _change(self, state: RunState) -> None:
        if state is not self._state:
            self._state = state
            self._listener.on_state(state)


def _message(identifier: str, request: RunRequest) -> SegmentRequest:
    from mobseg.options import SegmentOptions  # noqa: PLC0415
    from mobseg.protocol import SegmentRequest  # noqa: PLC0415

    options = SegmentOptions(
        device=request.device, threshold=request.threshold, roi_ras_mm=request.roi_ras_mm
    )
    return SegmentRequest(
        identifier,
        input=str(request.folder.input),
        output=str(request.folder.result),
        model=request.model,
        options=options,
        report=False,
    )
