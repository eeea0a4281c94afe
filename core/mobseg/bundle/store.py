"""Where models live: those that ship with the package, and the user's own.

Shipped models are bundles inside the package, unpacked once per content into the user's data folder;
imported models are model folders there.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mobseg.bundle.archive import read_bundle_metadata, unpack_bundle
from mobseg.bundle.folder import ModelFolder, check_networks, open_model_folder
from mobseg.bundle.layout import METADATA, RESOURCES, bundle_files
from mobseg.bundle.manifest import check_manifest, file_sha256, write_manifest
from mobseg.bundle.metadata import BundleMetadata, is_model_id
from mobseg.bundle.staging import staged
from mobseg.errors import BundleError, OutputError

#: Environment variable that names the user's data folder.
HOME_VARIABLE = "MOBSEG_HOME"

SHIPPED_FOLDER = RESOURCES / "models"

#: Holds the id of the model that is used when none is named.
DEFAULT_MODEL_FILE = "default.txt"


@dataclass(frozen=True)
class InstalledModel:
    """A model that can be named by its id.

    Attributes:
        id: what to write on the command line.
        origin: whether it ships with the package or was imported by the user.
        path: the bundle or the model folder.
        metadata: ``None`` for a plain nnU-Net model, and for one with a problem.
        problem: one sentence on why the model cannot be used, or ``None``.
    """

    id: str
    origin: Literal["shipped", "user"]
    path: Path
    metadata: BundleMetadata | None
    problem: str | None


def user_folder() -> Path:
    """The folder for the user's models, by the platform's convention or ``MOBSEG_HOME``."""
    if override := os.environ.get(HOME_VARIABLE):
        return Path(override).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "mobseg"


def list_models() -> list[InstalledModel]:
    """All installed models, those shipped first, each group by id; damaged ones name their problem."""
    shipped = [_shipped_model(path) for path in sorted(SHIPPED_FOLDER.glob("*.zip"))]
    user = [_user_model(path) for path in sorted(_models_folder().glob("*")) if _is_model(path)]
    return [*shipped, *user]


def find_model(model_id: str) -> InstalledModel:
    """The installed model with this id.

    Raises:
        BundleError: there is none.
    """
    installed = list_models()
    for model in installed:
        if model.id == model_id:
            return model
    known = ", ".join(model.id for model in installed) or "none"
    raise BundleError(f'There is no model "{model_id}"; the installed models are: {known}.')


def resolve_model(id_or_path: str | Path | None = None) -> ModelFolder:
    """Open a model by its id, or by the path of a model folder or bundle; ``None`` is the default model.

    An id goes before a path; write ``./name`` for a folder that is called like a model.

    Raises:
        BundleError: there is no such model, or it cannot be used.
    """
    name = _default_id() if id_or_path is None else str(id_or_path)
    path = Path(name)
    if name not in {model.id for model in list_models()}:
        if path.is_dir():
            return open_model_folder(path)
        if path.is_file():
            return _unpacked(path)
    model = find_model(name)
    return _unpacked(model.path) if model.origin == "shipped" else open_model_folder(model.path)


def import_model(path: Path) -> InstalledModel:
    """Copy a model folder or a bundle into the user's models.

    A plain nnU-Net model gets its id from its dataset and configuration.

    Raises:
        BundleError: the model cannot be used, or one with its id is installed.
        OutputError: the user's data folder cannot be written.
    """
    if path.is_file():
        target = _free_target(read_bundle_metadata(path).id)
        unpack_bundle(path, target)
    else:
        model = open_model_folder(path)
        target = _free_target(_id_of(model))
        check_networks(model)
        _copy_model(model, target)
    return _user_model(target)


def remove_model(model_id: str) -> None:
    """Delete an imported model; shipped models stay.

    Raises:
        BundleError: there is no such model, or it ships with the package.
        OutputError: it cannot be deleted.
    """
    folder = _models_folder() / model_id
    if not is_model_id(model_id) or not folder.is_dir():
        find_model(model_id)
        raise BundleError(f'The model "{model_id}" ships with the program and cannot be removed.')
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(
            f"The model in {folder} cannot be deleted ({error}); close programs that use it."
        ) from error


def verify_model(model_id: str) -> ModelFolder:
    """Compare the files of an installed model with their SHA-256 and build its networks.

    Raises:
        BundleError: there is no such model, or it is damaged or cannot be used.
    """
    find_model(model_id)
    model = resolve_model(model_id)
    check_manifest(model.path)
    check_networks(model)
    return model


def _models_folder() -> Path:
    return user_folder() / "models"


def _default_id() -> str:
    file = SHIPPED_FOLDER / DEFAULT_MODEL_FILE
    if not file.is_file():
        raise BundleError(
            "No model ships with this installation; name a model, or a model folder or bundle."
        )
    return file.read_text(encoding="utf-8").strip()


def _shipped_model(path: Path) -> InstalledModel:
    try:
        return InstalledModel(path.stem, "shipped", path, read_bundle_metadata(path), None)
    except BundleError as error:
        return InstalledModel(path.stem, "shipped", path, None, str(error))


def _user_model(path: Path) -> InstalledModel:
    if not (path / METADATA).exists():
        return InstalledModel(path.name, "user", path, None, None)
    try:
        return InstalledModel(path.name, "user", path, BundleMetadata.read(path / METADATA), None)
    except BundleError as error:
        return InstalledModel(path.name, "user", path, None, str(error))


def _is_model(path: Path) -> bool:
    return path.is_dir() and is_model_id(path.name)


def _unpacked(bundle: Path) -> ModelFolder:
    """Open a bundle from its unpacked copy, which is made on first use and named by its SHA-256."""
    try:
        folder = user_folder() / "unpacked" / file_sha256(bundle)
    except OSError as error:
        raise BundleError(f"The bundle {bundle} cannot be read ({error}).") from error
    if not folder.exists():
        try:
            return unpack_bundle(bundle, folder)
        except OutputError:
            # Another process may have unpacked the same bundle meanwhile; its copy is as good.
            if not folder.exists():
                raise
    return open_model_folder(folder)


def _free_target(model_id: str) -> Path:
    if any(model.id == model_id for model in list_models()):
        raise BundleError(
            f'A model with the id "{model_id}" is installed already; remove it first '
            f"(mobseg models remove {model_id})."
        )
    return _models_folder() / model_id


def _id_of(model: ModelFolder) -> str:
    if model.metadata is not None:
        return model.metadata.id
    name = f"{model.plans.get('dataset_name', model.path.name)}-{model.configuration_name}"
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:64].strip("-")


def _copy_model(model: ModelFolder, target: Path) -> None:
    wanted = {path.relative_to(model.path).as_posix() for path in model.checkpoint_paths}
    wanted |= {name for name in bundle_files(model.path) if not name.endswith(".pth")}
    with staged(target) as folder:
        for name in sorted(wanted):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model.path / name, folder / name)
        write_manifest(folder)
