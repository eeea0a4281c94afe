"""What PythonQt offers of the CTK and MRML widgets that the module uses.

Read on 24 November 2026 in the headers of Slicer 583e9b37d5 and CTK 868d56c7. Of a class without a full
wrapper PythonQt sees the meta object only: properties, public slots, Q_INVOKABLE methods and signals. Public
C++ methods that are none of these (``ctkPathLineEdit::setFilters``, ``qMRMLNodeComboBox::setNodeTypes``) do
not exist in Python. Constructors are wrapped. Deprecated members are left out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Exposed:
    """One C++ class.

    Attributes:
        header: where it was read.
        base: the class it derives from.
        properties: names.
        read_only: the properties without WRITE.
        methods: public slots and invokables.
        signals: normalised signatures.
    """

    header: str
    base: str
    properties: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    signals: frozenset[str] = frozenset()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


EXPOSED = {
    "ctkCollapsibleButton": Exposed(
        header="CTK Libs/Widgets/ctkCollapsibleButton.h",
        base="QAbstractButton",
        properties=_names(
            "collapsed collapsedHeight flat contentsFrameShape contentsFrameShadow contentsLineWidth"
            " contentsMidLineWidth buttonTextAlignment indicatorAlignment"
        ),
        signals=_names("contentsCollapsed(bool)"),
    ),
    "ctkPathLineEdit": Exposed(
        header="CTK Libs/Widgets/ctkPathLineEdit.h",
        base="QWidget",
        properties=_names(
            "label filters currentPath options settingKey showBrowseButton showHistoryButton"
            " sizeAdjustPolicy minimumContentsLength nameFilters"
        ),
        methods=_names("comboBox setCurrentPath browse retrieveHistory addCurrentPathToHistory"),
        signals=_names("validInputChanged(bool) currentPathChanged(QString)"),
    ),
    "qMRMLWidget": Exposed(
        header="Slicer Libs/MRML/Widgets/qMRMLWidget.h",
        base="QWidget",
        methods=_names("mrmlScene setMRMLScene pixmapFromIcon"),
        signals=_names("mrmlSceneChanged(vtkMRMLScene*)"),
    ),
    "qMRMLNodeComboBox": Exposed(
        header="Slicer Libs/MRML/Widgets/qMRMLNodeComboBox.h",
        base="QWidget",
        properties=_names(
            "currentNodeID nodeTypes showHidden showChildNodeTypes hideChildNodeTypes baseName noneEnabled"
            " addEnabled removeEnabled editEnabled renameEnabled interactionNodeSingletonTag"
            " selectNodeUponCreation noneDisplay sizeAdjustPolicy"
        ),
        methods=_names(
            "mrmlScene addAttribute removeAttribute setNodeTypeLabel nodeTypeLabel nodeCount nodeFromIndex"
            " currentNode sortFilterProxyModel addMenuAction setMRMLScene setCurrentNode setCurrentNodeID"
            " setCurrentNodeIndex addNode removeCurrentNode editCurrentNode renameCurrentNode"
        ),
        signals=_names(
            "currentNodeChanged(vtkMRMLNode*) currentNodeChanged(bool) currentNodeIDChanged(QString)"
            " nodeActivated(vtkMRMLNode*) nodeAdded(vtkMRMLNode*) nodeAddedByUser(vtkMRMLNode*)"
            " nodeAddedByUserAction(vtkMRMLNode*) nodeAboutToBeRemoved(vtkMRMLNode*)"
            " currentNodeRenamed(QString) nodeAboutToBeEdited(vtkMRMLNode*)"
        ),
    ),
    "qMRMLSegmentEditorWidget": Exposed(
        header="Slicer Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.h",
        base="qMRMLWidget",
        properties=_names(
            "segmentationNodeSelectorVisible sourceVolumeNodeSelectorVisible maskingSectionVisible"
            " specifyGeometryButtonVisible show3DButtonVisible addRemoveSegmentButtonsVisible"
            " autoShowSourceVolumeNode switchToSegmentationsButtonVisible undoEnabled"
            " maximumNumberOfUndoStates readOnly effectButtonStyle effectColumnCount"
            " unorderedEffectsVisible defaultTerminologyEntrySettingsKey defaultTerminologyEntry"
            " jumpToSelectedSegmentEnabled"
        ),
        methods=_names(
            "mrmlSegmentEditorNode segmentationNode segmentationNodeID sourceVolumeNode sourceVolumeNodeID"
            " currentSegmentID activeEffect setActiveEffect effectByName availableEffectNames"
            " setEffectNameOrder effectNameOrder effectCount effectByIndex setupViewObservations"
            " removeViewObservations interactionNode setEffectCursor setMRMLScene"
            " setMRMLSegmentEditorNode updateWidgetFromMRML setSegmentationNode setSegmentationNodeID"
            " setSourceVolumeNode setSourceVolumeNodeID setCurrentSegmentID setActiveEffectByName"
            " saveStateForUndo setSegmentationNodeSelectorVisible setSourceVolumeNodeSelectorVisible"
            " setAutoShowSourceVolumeNode setMaskingSectionVisible setSpecifyGeometryButtonVisible"
            " setShow3DButtonVisible setAddRemoveSegmentButtonsVisible"
            " setSwitchToSegmentationsButtonVisible setUndoEnabled setMaximumNumberOfUndoStates"
            " setReadOnly toggleSourceVolumeIntensityMaskEnabled undo redo installKeyboardShortcuts"
            " uninstallKeyboardShortcuts hideLabelLayer setEffectButtonStyle setEffectColumnCount"
            " updateEffectList showSourceVolumeInSliceViewers rotateSliceViewsToSegmentation"
            " setInteractionNode selectPreviousSegment selectNextSegment selectSegmentAtOffset"
            " jumpSlices setJumpToSelectedSegmentEnabled"
        ),
        signals=_names(
            "currentSegmentIDChanged(QString) sourceVolumeNodeChanged(vtkMRMLVolumeNode*)"
            " segmentationNodeChanged(vtkMRMLSegmentationNode*)"
        ),
    ),
    "qSlicerWidget": Exposed(header="Slicer Base/QTGUI/qSlicerWidget.h", base="QWidget"),
    "qSlicerScriptedLoadableModuleWidget": Exposed(
        header="Slicer Base/QTGUI/qSlicerAbstractModuleWidget.h, qSlicerScriptedLoadableModuleWidget.h",
        base="qSlicerWidget",
        properties=_names("isEntered moduleName"),
        read_only=_names("isEntered moduleName"),
        methods=_names("enter exit setEditedNode nodeEditable reload self"),
    ),
    "qSlicerModuleManager": Exposed(
        header="Slicer Base/QTCore/qSlicerModuleManager.h",
        base="QObject",
        methods=_names("factoryManager module modulesNames"),
        signals=_names(
            "moduleLoaded(QString) moduleAboutToBeUnloaded(QString) moduleUnloaded(QString)"
        ),
    ),
    "qSlicerApplication": Exposed(
        header="Slicer Base/QTCore/qSlicerCoreApplication.h, Base/QTGUI/qSlicerApplication.h",
        base="QApplication",
        properties=_names(
            "slicerHome defaultScenePath slicerSharePath temporaryPath cachePath startupWorkingPath"
            " launcherExecutableFilePath extensionsInstallPath intDir isInstalled revision majorVersion"
            " minorVersion documentationBaseUrl documentationVersion platform arch os"
        ),
        read_only=_names(
            "slicerHome slicerSharePath startupWorkingPath launcherExecutableFilePath intDir isInstalled"
            " revision majorVersion minorVersion documentationBaseUrl documentationVersion platform arch os"
        ),
        methods=_names(
            "mrmlScene applicationLogic moduleLogic moduleManager coreIOManager ioManager layoutManager"
            " userSettings settings revisionUserSettings startupEnvironment environment"
            " moduleDocumentationUrl testingEnabled commandOptions pauseRender resumeRender"
            " setRenderPaused toSlicerHomeAbsolutePath"
        ),
        signals=_names(
            "startupCompleted() renderPaused(bool) mrmlSceneChanged(vtkMRMLScene*) urlReceived(QString)"
        ),
    ),
}
