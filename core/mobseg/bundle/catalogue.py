"""Which models there are: those that ship with the package, and the user's own.

Needs no PyTorch, so a viewer can list, import and remove models. Shipped models are bundles inside the
package; imported models are model folders in the user's data folder.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mobseg.bundle.extraction import extract_bundle, read_bundle_metadata
from mobseg.bundle.layout import METADATA, RESOURCES
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
    user = [user_model(path) for path in sorted(models_folder().glob("*")) if _is_model(path)]
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


def default_model_id() -> str:
    """The id of the model that is used when none is named.

    Raises:
        BundleError: no model ships with the package.
    """
    file = SHIPPED_FOLDER / DEFAULT_MODEL_FILE
    if not file.is_file():
        raise BundleError(
            "No model ships with this installation; name a model, or a model folder or bundle."
        )
    return file.read_text(encoding="utf-8").strip()


def install_bundle(path: Path) -> InstalledModel:
    """Copy a bundle into the user's models without opening its weights, which needs PyTorch.

    Whether they can be run shows when the model is first used; they are read with the same distrust then.

    Raises:
        BundleError: the bundle is damaged or unsafe, or a model with its id is installed.
        OutputError: the user's data folder cannot be written.
    """
    target = free_target(read_bundle_metadata(path).id)
    with staged(target) as folder:
        extract_bundle(path, folder)
    return user_model(target)


def remove_model(model_id: str) -> None:
    """Delete an imported model; shipped models stay.

    Raises:
        BundleError: there is no such model, or it ships with the package.
        OutputError: it cannot be deleted.
    """
    folder = models_folder() / model_id
    if not is_model_id(model_id) or not folder.is_dir():
        find_model(model_id)
        raise BundleError(f'The model "{model_id}" ships with the program and cannot be removed.')
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(
            f"The model in {folder} cannot be deleted ({error}); close programs that use it."
        ) from error


def models_folder() -> Path:
    """Where imported models are."""
    return user_folder() / "models"


def free_target(model_id: str) -> Path:
    """The folder that a new model with this id gets.

    Raises:
        BundleError: a model with this id is installed.
    """
    if any(model.id == model_id for model in list_models()):
        raise BundleError(
            f'A model with the id "{model_id}" is installed already; remove it first '
            f"(mobseg models remove {model_id})."
        )
    return models_folder() / model_id


def _shipped_model(path: Path) -> InstalledModel:
    try:
        return InstalledModel(path.stem, "shipped", path, read_bundle_metadata(path), None)
    except BundleError as error:
        return InstalledModel(path.stem, "shipped", path, None, str(error))


def user_model(path: Path) -> InstalledModel:
    """The imported model in the folder ``path``."""
    if not (path / METADATA).exists():
        return InstalledModel(path.name, "user", path, None, None)
    try:
        return InstalledModel(path.name, "user", path, BundleMetadata.read(path / METADATA), None)
    except BundleError as error:
        return InstalledModel(path.name, "user", path, None, str(error))


def _is_model(path: Path) -> bool:
    return path.is_dir() and is_model_id(path.name)
