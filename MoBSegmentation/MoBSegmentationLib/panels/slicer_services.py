"""The collaborators of the panels in 3D Slicer; nothing else takes them from global variables."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer

from MoBSegmentationLib.installer import slicer_installer
from MoBSegmentationLib.model_list import ModelList
from MoBSegmentationLib.panels.dialogs import Dialogs
from MoBSegmentationLib.panels.services import Services
from MoBSegmentationLib.run_controller import RunController, RunListener
from MoBSegmentationLib.run_folder import remove_stale_run_folders
from MoBSegmentationLib.run_times import RunTimes
from MoBSegmentationLib.scheduler import QtScheduler
from MoBSegmentationLib.slicer_environment import slicer_worker_command
from MoBSegmentationLib.worker_process import qt_process_factory

_RUN_FOLDERS = "MoBSegmentation"


def slicer_services() -> Services:
    """Everything from the running application."""
    settings = qt.QSettings()
    temporary_folder = Path(slicer.app.temporaryPath) / _RUN_FOLDERS
    remove_stale_run_folders(temporary_folder)
    return Services(
        scene=slicer.mrmlScene,
        color_logic=slicer.modules.colors.logic(),
        temporary_folder=temporary_folder,
        settings=settings,
        dialogs=Dialogs(),
        models=ModelList(settings),
        installer=slicer_installer(),
        run_times=RunTimes(settings),
        new_controller=_new_controller,
    )


def _new_controller(listener: RunListener) -> RunController:
    return RunController(qt_process_factory(slicer_worker_command), QtScheduler(), listener)
