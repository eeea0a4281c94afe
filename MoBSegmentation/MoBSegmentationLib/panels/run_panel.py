"""Step 2: start, follow and cancel a segmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from MoBSegmentationLib import mrml_bridge
from MoBSegmentationLib.device_list import actual_device
from MoBSegmentationLib.panels.availability import Availability
from MoBSegmentationLib.panels.input_panel import InputPanel
from MoBSegmentationLib.panels.installation_panel import InstallationPanel
from MoBSegmentationLib.panels.message_bar import MessageBar
from MoBSegmentationLib.panels.services import Services
from MoBSegmentationLib.result_loader import load_result
from MoBSegmentationLib.result_nodes import ResultNodes
from MoBSegmentationLib.run_controller import RunRequest, RunState
from MoBSegmentationLib.run_folder import RunFolder

if TYPE_CHECKING:
    from mobseg.protocol import Device
    from mobseg.summary import SegmentationSummary

_PROGRESS_STEPS = 1000


class RunPanel:
    """Runs segmentations; a ``RunListener``.

    Args:
        ui: the loaded ``.ui``.
        services: scene, controller and folders.
        messages: for failures.
        inputs: what to segment.
        installation: whether it can be.
        on_result: given the nodes of each new result.
    """

    def __init__(
        self,
        ui: Any,
        services: Services,
        messages: MessageBar,
        inputs: InputPanel,
        installation: InstallationPanel,
        on_result: Callable[[ResultNodes], None],
    ) -> None:
        self._ui = ui
        self._services = services
        self._messages = messages
        self._inputs = inputs
        self._installation = installation
        self._on_result = on_result
        self._controller = services.new_controller(self)
        self._segment_button = Availability((ui.segmentButton,))
        self._cancel_button = Availability((ui.cancelButton,))
        self._volume: Any = None
        self._image_was_deleted = False
        self._size = 0.0
        self._has_warmed_up = False
        ui.segmentButton.connect("clicked()", self.segment)
        ui.cancelButton.connect("clicked()", self.cancel)
        self.refresh()

    @property
    def is_busy(self) -> bool:
        """Whether a run is under way."""
        return self._controller.is_busy

    def segment(self) -> None:
        """Start a run with what is chosen."""
        self._messages.clear()
        with self._messages.reporting(), slicer.util.WaitCursor():
            self._start()
        self.refresh()

    def cancel(self) -> None:
        """Stop the run; the scene stays as it is."""
        self._controller.cancel()

    def node_removed(self) -> None:
        """Stop the run if its image was deleted."""
        if self.is_busy and not self._image_is_there():
            self._image_was_deleted = True
            self._controller.cancel()

    def shutdown(self) -> None:
        """End the worker."""
        self._controller.shutdown()

    def refresh(self) -> None:
        """Show what can be done and why not."""
        busy = self._controller.is_busy
        obstacle = self._installation.obstacle() or self._inputs.obstacle()
        if busy:
            obstacle = _("A segmentation is running.")
        self._segment_button.set(obstacle)
        self._cancel_button.set(None if busy else _("There is no run to cancel."))
        self._ui.runProgressBar.setVisible(busy)
        self._inputs.set_enabled(not busy)
        if obstacle is None:
            self._warm_up()
        if not busy:
            self._ui.runLabel.setText(obstacle or self._estimate())

    def on_state(self, state: RunState) -> None:
        """Name the waiting times that have no progress."""
        phrases = {
            RunState.STARTING: _("Starting the segmentation process..."),
            RunState.LOADING: _("Loading the model..."),
            RunState.CANCELLING: _("Cancelling..."),
        }
        self.refresh()
        if state in phrases:
            self._ui.runLabel.setText(phrases[state])

    def on_devices(self, devices: tuple[Device, ...]) -> None:
        """Offer the devices that were found; the estimate may be another one now."""
        self._inputs.set_devices(devices)
        self.refresh()

    def on_progress(self, stage: str, fraction: float, seconds_left: float | None) -> None:
        """Move the bar."""
        self._ui.runProgressBar.setValue(round(_PROGRESS_STEPS * fraction))
        left = "" if seconds_left is None else f", {_time_left(seconds_left)}"
        self._ui.runLabel.setText(f"{stage}{left}")

    def on_finished(self, folder: RunFolder, summary: SegmentationSummary) -> None:
        """Load the result, if the image is still there."""
        nodes = None
        with self._messages.reporting(), slicer.util.WaitCursor():
            nodes = self._load(folder)
            self._note_time(summary)
        folder.remove()
        self.refresh()
        if nodes is not None:
            self._on_result(nodes)
        if nodes is not None and summary.notes:
            self._messages.show_note(" ".join(summary.notes))

    def on_failed(self, sentence: str, details: str) -> None:
        """Say why."""
        self.refresh()
        self._messages.show_error(sentence, details)

    def on_cancelled(self) -> None:
        """Back to the start."""
        self.refresh()
        if self._image_was_deleted:
            self._tell_deleted()
        else:
            self._ui.runLabel.setText(_("Cancelled; the scene is as it was."))

    def _warm_up(self) -> None:
        """Start the worker as soon as it will be of use: it lists the devices, and the run waits less."""
        if not self._has_warmed_up:
            self._has_warmed_up = True
            self._controller.warm_up()

    def _start(self) -> None:
        folder = RunFolder.create(self._services.temporary_folder)
        try:
            request = self._prepare(folder)
        except BaseException:
            folder.remove()
            raise
        self._ui.runProgressBar.setValue(0)
        self._image_was_deleted = False
        self._controller.start(request)

    def _prepare(self, folder: RunFolder) -> RunRequest:
        inputs = self._inputs
        self._volume, self._size = inputs.volume, inputs.megavoxels()
        mrml_bridge.export_volume(inputs.volume, folder.input)
        box = mrml_bridge.roi_box_ras_mm(inputs.roi, inputs.volume) if inputs.roi else None
        model = inputs.model.key if inputs.model else None
        return RunRequest(folder, model=model, device=inputs.device, roi_ras_mm=box)

    def _load(self, folder: RunFolder) -> ResultNodes | None:
        if not self._image_is_there():
            self._tell_deleted()
            return None
        return load_result(folder.result, self._volume, self._services.scene)

    def _image_is_there(self) -> bool:
        return self._volume is not None and self._volume.GetScene() is self._services.scene

    def _tell_deleted(self) -> None:
        self._messages.show_error(
            _("The image was deleted while it was segmented, so the run was stopped.")
        )

    def _device(self) -> str:
        return actual_device(self._inputs.device, self._controller.devices)

    def _estimate(self) -> str:
        model = self._inputs.model
        if model is None:
            return ""
        return self._services.run_times.estimate(
            model.key, self._device(), self._inputs.megavoxels()
        )

    def _note_time(self, summary: SegmentationSummary) -> None:
        if self._inputs.model is not None:
            seconds = sum(summary.seconds_by_stage.values())
            self._services.run_times.note(
                self._inputs.model.key, self._device(), self._size, seconds
            )


def _time_left(seconds: float) -> str:
    if seconds < 90:
        return _("{n} s left").format(n=max(1, round(seconds)))
    return _("{n} min left").format(n=round(seconds / 60))
