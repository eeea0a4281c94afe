"""Module of 3D Slicer that shows the results of ``mobseg segment``. Research use only."""

from __future__ import annotations

from pathlib import Path

import ctk
import qt
import slicer
from MoBSegmentationLib.core_path import make_core_importable
from MoBSegmentationLib.prediction_loader import LoadedPrediction, load_prediction
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class MoBSegmentation(ScriptedLoadableModule):
    """Name, category and help of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "MoBSegmentation"
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = []
        self.parent.contributors = ["The MoBSegmentation developers"]
        self.parent.helpText = _(
            "Shows a segmentation and its uncertainty, made by 'mobseg segment'. Research use only."
        )
        self.parent.acknowledgementText = _("Built on nnU-Net and 3D Slicer.")


class MoBSegmentationWidget(ScriptedLoadableModuleWidget):
    """A folder and a button."""

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.logic = MoBSegmentationLogic()
        self.folderEdit = ctk.ctkPathLineEdit()
        self.folderEdit.filters = ctk.ctkPathLineEdit.Dirs
        self.folderEdit.setToolTip(_("Folder that 'mobseg segment' wrote"))
        self.loadButton = qt.QPushButton(_("Show result"))
        form = qt.QFormLayout()
        form.addRow(_("Prediction folder:"), self.folderEdit)
        form.addRow(self.loadButton)
        self.layout.addLayout(form)
        self.layout.addStretch(1)
        self.loadButton.connect("clicked(bool)", self.onLoadButton)

    def onLoadButton(self, _checked=False):
        """Load the folder, or say in one sentence why not."""
        with slicer.util.tryWithErrorDisplay(_("The result could not be loaded."), waitCursor=True):
            self.logic.show(Path(self.folderEdit.currentPath))


class MoBSegmentationLogic(ScriptedLoadableModuleLogic):
    """Loads results and lays them over the image."""

    def show(self, folder: Path) -> LoadedPrediction:
        """Load a prediction folder; the variance becomes a half-transparent heat map."""
        make_core_importable()
        loaded = load_prediction(folder, slicer.mrmlScene)
        slicer.util.setSliceViewerLayers(foreground=loaded.variances[0], foregroundOpacity=0.5)
        return loaded


class MoBSegmentationTest(ScriptedLoadableModuleTest):
    """What can be tested inside 3D Slicer without data."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_core_is_importable()

    def test_core_is_importable(self):
        make_core_importable()
        from mobseg.errors import OutputError  # noqa: F401, PLC0415 (not at file scope in Slicer)

        self.delayDisplay("Test passed")
