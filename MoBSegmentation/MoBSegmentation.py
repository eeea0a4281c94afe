"""Module of 3D Slicer: segments CT, shows where the result may be wrong, and reviews it. Research use only."""

from __future__ import annotations

import slicer
from MoBSegmentationLib.core_path import make_core_importable
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class MoBSegmentation(ScriptedLoadableModule):
    """Name, category and help of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "MoBSegmentation"
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "Markups", "Colors"]
        self.parent.contributors = ["The MoBSegmentation developers"]
        self.parent.helpText = _(
            "Segments CT with a stochastic nnU-Net, shows its variance, and leads through the regions "
            "that may be wrong. Research use only, not a medical device."
        )
        self.parent.acknowledgementText = _("Built on nnU-Net and 3D Slicer.")
        slicer.app.connect("startupCompleted()", register_sample_data)


def register_sample_data():
    """Offer the CTs that ship with the extension in the module Sample Data."""
    from MoBSegmentationLib.sample_data import register  # noqa: PLC0415

    make_core_importable()
    register()


class MoBSegmentationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Loads the panel and tells it of the scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        make_core_importable()
        from MoBSegmentationLib.panels.module_panel import ModulePanel  # noqa: PLC0415
        from MoBSegmentationLib.panels.slicer_services import slicer_services  # noqa: PLC0415

        ui_widget = slicer.util.loadUI(self.resourcePath("UI/MoBSegmentation.ui"))
        self.layout.addWidget(ui_widget)
        self.ui = slicer.util.childWidgetVariables(ui_widget)
        ui_widget.setMRMLScene(slicer.mrmlScene)
        self.logic = MoBSegmentationLogic()
        self.panel = ModulePanel(self.ui, slicer_services())
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneChanged)
        self.addObserver(scene, scene.NodeAddedEvent, self.onNodeAdded)
        self.addObserver(scene, scene.NodeRemovedEvent, self.onNodeRemoved)

    def enter(self):
        self.panel.enter(slicer.util.mainWindow(), self.logic.getParameterNode())

    def exit(self):
        self.panel.exit()

    def cleanup(self):
        self.removeObservers()
        self.panel.cleanup()

    def onSceneStartClose(self, _caller, _event):
        self.panel.scene_closing()

    def onSceneChanged(self, _caller, _event):
        if self.parent.isEntered:
            self.panel.set_parameters(self.logic.getParameterNode())

    def onNodeAdded(self, _caller, _event):
        if self.parent.isEntered:
            self.panel.node_added()

    def onNodeRemoved(self, _caller, _event):
        if not slicer.mrmlScene.IsClosing():
            self.panel.node_removed()


class MoBSegmentationLogic(ScriptedLoadableModuleLogic):
    """Keeps the choices of the user in the scene."""

    def getParameterNode(self):
        from MoBSegmentationLib.parameter_node import (  # noqa: PLC0415
            MoBSegmentationParameterNode,
        )

        return MoBSegmentationParameterNode(super().getParameterNode())


class MoBSegmentationTest(ScriptedLoadableModuleTest):
    """Clicks through the whole story with the shipped model on the shipped CT."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        from MoBSegmentationLib.story import Story  # noqa: PLC0415

        self.setUp()
        slicer.util.selectModule("MoBSegmentation")
        ui = slicer.util.getModuleWidget("MoBSegmentation").ui
        if not ui.installFrame.isHidden():
            self.skipTest(ui.installLabel.text)
        Story(ui, self.delayDisplay).run()
