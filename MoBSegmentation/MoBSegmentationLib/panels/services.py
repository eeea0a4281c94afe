"""What the panels work with, so that they take nothing from global variables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from MoBSegmentationLib.installer import Installer
from MoBSegmentationLib.model_list import ModelList, Settings
from MoBSegmentationLib.panels.dialogs import Dialogs
from MoBSegmentationLib.run_controller import RunController, RunListener
from MoBSegmentationLib.run_times import RunTimes


@dataclass(frozen=True)
class Services:
    """Collaborators of the panels.

    Attributes:
        scene: ``vtkMRMLScene``.
        color_logic: ``vtkSlicerColorLogic`` of the application.
        temporary_folder: where run folders are made.
        settings: the user's settings.
        dialogs: questions to the user.
        models: models of this user.
        installer: of the packages that the worker needs.
        run_times: how long earlier runs took.
        new_controller: makes the controller of the worker.
    """

    scene: Any
    color_logic: Any
    temporary_folder: Path
    settings: Settings
    dialogs: Dialogs
    models: ModelList
    installer: Installer
    run_times: RunTimes
    new_controller: Callable[[RunListener], RunController]
