"""The models that a user can choose: shipped, imported, and model folders anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from MoBSegmentationLib.model_entry import ModelEntry, entry_of_folder, entry_of_installed

_FOLDERS_KEY = "MoBSegmentation/ModelFolders"


class Settings(Protocol):
    """What is kept between sessions; ``qt.QSettings`` is one."""

    def value(self, key: str) -> object:
        """The value of ``key``, or ``None``."""

    def setValue(self, key: str, value: object) -> None:  # noqa: N802  Qt's name
        """Keep a value."""


class ModelList:
    """The models of this user. Works before PyTorch is installed, and never imports it.

    Args:
        settings: where the folders that were added are kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def entries(self) -> tuple[ModelEntry, ...]:
        """All models: the default first, then shipped, imported and folders."""
        from mobseg.bundle.catalogue import default_model_id, list_models  # noqa: PLC0415
        from mobseg.errors import BundleError  # noqa: PLC0415

        try:
            default = default_model_id()
        except BundleError:
            default = ""
        installed = sorted(list_models(), key=lambda model: model.id != default)
        folders = (entry_of_folder(path) for path in self._folders())
        return (*(entry_of_installed(model) for model in installed), *folders)

    def import_bundle(self, path: Path) -> ModelEntry:
        """Copy a bundle (zip) into the user's models. Its weights are checked when it is first used.

        Raises:
            mobseg.errors.MobsegError: it is damaged or unsafe, is installed already, or cannot be written.
        """
        from mobseg.bundle.catalogue import install_bundle  # noqa: PLC0415

        return entry_of_installed(install_bundle(path))

    def add_folder(self, path: Path) -> ModelEntry:
        """Add the folder of a trained nnU-Net v2 model; it stays where it is.

        Raises:
            mobseg.errors.BundleError: it is no such folder.
        """
        from mobseg.bundle.layout import model_root  # noqa: PLC0415
        from mobseg.errors import BundleError  # noqa: PLC0415

        root = model_root(path.resolve())
        entry = entry_of_folder(root)
        if entry.problem is not None:
            raise BundleError(entry.problem)
        self._keep([*(folder for folder in self._folders() if folder != root), root])
        return entry

    def remove(self, entry: ModelEntry) -> None:
        """Delete an imported model, or take a folder off the list; its files stay.

        Raises:
            mobseg.errors.MobsegError: the model ships with the extension, or cannot be deleted.
        """
        from mobseg.bundle.catalogue import remove_model  # noqa: PLC0415

        if entry.kind == "folder":
            self._keep([folder for folder in self._folders() if folder != Path(entry.key)])
        else:
            remove_model(entry.key)

    def _folders(self) -> list[Path]:
        try:
            stored = json.loads(str(self._settings.value(_FOLDERS_KEY) or "[]"))
        except ValueError:
            return []
        return [Path(path) for path in stored if isinstance(path, str)]

    def _keep(self, folders: list[Path]) -> None:
        # As text, because QSettings gives back a list of one as its only item.
        self._settings.setValue(_FOLDERS_KEY, json.dumps([str(folder) for folder in folders]))
