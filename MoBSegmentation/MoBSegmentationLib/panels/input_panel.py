"""Step 1: image, model, region of interest, device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from MoBSegmentationLib import mrml_bridge
from MoBSegmentationLib.device_list import device_choices
from MoBSegmentationLib.model_entry import ModelEntry
from MoBSegmentationLib.panels import choice_box
from MoBSegmentationLib.panels.services import Services
from MoBSegmentationLib.result_nodes import find_results

if TYPE_CHECKING:
    from mobseg.protocol import Device

_MODEL_SETTING = "MoBSegmentation/Model"
_DEVICE_SETTING = "MoBSegmentation/Device"


class InputPanel:
    """Knows what is to be segmented, and whether it can be.

    Args:
        ui: the loaded ``.ui``.
        services: models, settings and scene.
        on_change: called after every choice.
    """

    def __init__(self, ui: Any, services: Services, on_change: Callable[[], None]) -> None:
        self._ui = ui
        self._services = services
        self._on_change = on_change
        self._parameters: Any = None
        self._entries: dict[str, ModelEntry] = {}
        for selector in (ui.volumeSelector, ui.roiSelector):
            # A long name must not widen the panel.
            selector.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        ui.volumeSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._volume_changed)
        ui.roiSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._roi_changed)
        ui.modelSelector.connect("currentIndexChanged(int)", self._model_changed)
        ui.deviceSelector.connect("currentIndexChanged(int)", self._device_changed)
        self.set_devices(())
        self.fill_models()

    def set_parameters(self, parameters: Any) -> None:
        """Follow another parameter node; ``None`` while the scene is being closed."""
        self._parameters = parameters
        if parameters is None:
            return
        self._ui.volumeSelector.setCurrentNode(parameters.image)
        self.preselect()
        self._ui.roiSelector.setCurrentNode(parameters.roi)
        self._on_change()

    def preselect(self) -> None:
        """Choose the image that is likely meant, if none is chosen."""
        if self._parameters is not None and self.volume is None:
            self._ui.volumeSelector.setCurrentNode(self._likely_image())

    def fill_models(self, chosen: str | None = None) -> None:
        """Read the list of models anew, and select one by its key."""
        self._entries = {entry.key: entry for entry in self._services.models.entries()}
        remembered = chosen or str(self._services.settings.value(_MODEL_SETTING) or "")
        texts = [(key, entry.name) for key, entry in self._entries.items()]
        choice_box.fill(self._ui.modelSelector, texts, remembered)
        self._show_intended_use()
        self._on_change()

    def set_devices(self, devices: Sequence[Device]) -> None:
        """Offer what the worker found."""
        choices = [(choice.name, choice.text) for choice in device_choices(devices)]
        remembered = str(self._services.settings.value(_DEVICE_SETTING) or "auto")
        choice_box.fill(self._ui.deviceSelector, choices, remembered)

    def set_enabled(self, enabled: bool) -> None:
        """Allow or forbid changes; forbidden during a run."""
        for widget in (
            self._ui.volumeSelector,
            self._ui.modelSelector,
            self._ui.modelMenuButton,
            self._ui.roiSelector,
            self._ui.deviceSelector,
        ):
            widget.setEnabled(enabled)

    @property
    def volume(self) -> Any:
        """The image, a ``vtkMRMLScalarVolumeNode`` or ``None``."""
        return self._ui.volumeSelector.currentNode()

    @property
    def roi(self) -> Any:
        """The region of interest, a ``vtkMRMLMarkupsROINode`` or ``None``."""
        return self._ui.roiSelector.currentNode()

    @property
    def model(self) -> ModelEntry | None:
        """The chosen model."""
        return self._entries.get(choice_box.chosen_key(self._ui.modelSelector))

    @property
    def device(self) -> str:
        """``auto`` or the name of a device."""
        return choice_box.chosen_key(self._ui.deviceSelector)

    def megavoxels(self) -> float:
        """Size of the image; zero without one."""
        image = self.volume.GetImageData() if self.volume else None
        return image.GetNumberOfPoints() / 1e6 if image else 0.0

    def obstacle(self) -> str | None:
        """Why this cannot be segmented, in a sentence; ``None`` if it can."""
        if reason := mrml_bridge.check_input(self.volume):
            return reason
        results = find_results(self._services.scene)
        if any(self.volume in result.volumes for result in results):
            return _("This is a map of a result; choose the image itself.")
        if self.model is None:
            return _("Import a model with the button beside the list of models.")
        if self.model.problem:
            return self.model.problem
        if self.model.requires_roi and self.roi is None:
            return _("This model needs a region of interest; create one around the organ.")
        return None

    def _likely_image(self) -> Any:
        """The image that the slice views show, or else the first of the scene."""
        scene = self._services.scene
        maps = {node for result in find_results(scene) for node in result.volumes}
        shown = [
            scene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
            for composite in _nodes(scene, "vtkMRMLSliceCompositeNode")
        ]
        candidates = (*shown, *_nodes(scene, "vtkMRMLScalarVolumeNode"))
        usable = (
            node for node in candidates if node not in maps and not mrml_bridge.check_input(node)
        )
        return next(usable, None)

    def _volume_changed(self, node: Any) -> None:
        if self._parameters is not None:
            self._parameters.image = node
            self._on_change()

    def _roi_changed(self, node: Any) -> None:
        if self._parameters is not None:
            self._parameters.roi = node
            self._start_with_a_box(node)
            self._on_change()

    def _start_with_a_box(self, roi: Any) -> None:
        """A new region has no size; half the image, in its middle, is easier to move than nothing."""
        if roi is None or self.volume is None or roi.GetNumberOfControlPoints() > 0:
            return
        bounds = [0.0] * 6
        self.volume.GetRASBounds(bounds)
        low, high = bounds[0::2], bounds[1::2]
        roi.SetCenter([(a + b) / 2 for a, b in zip(low, high, strict=True)])
        roi.SetSize([(b - a) / 2 for a, b in zip(low, high, strict=True)])

    def _model_changed(self, _index: int) -> None:
        key = choice_box.chosen_key(self._ui.modelSelector)
        self._services.settings.setValue(_MODEL_SETTING, key)
        self._show_intended_use()
        self._on_change()

    def _device_changed(self, _index: int) -> None:
        self._services.settings.setValue(_DEVICE_SETTING, self.device)
        self._on_change()

    def _show_intended_use(self) -> None:
        heading = _("<b>Research use only.</b>")
        use = self.model.intended_use if self.model else _("Not a medical device.")
        limits = self.model.limits if self.model else ""
        self._ui.intendedUseLabel.setText(f"{heading} {use}")
        self._ui.intendedUseLabel.setToolTip(f"{heading} {use} {limits}")


def _nodes(scene: Any, class_name: str) -> list[Any]:
    count = scene.GetNumberOfNodesByClass(class_name)
    return [scene.GetNthNodeByClass(n, class_name) for n in range(count)]
