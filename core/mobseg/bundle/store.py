"""Opens, imports and verifies models; which there are says :mod:`mobseg.bundle.catalogue`.

Shipped models are unpacked once per content into the user's data folder.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from mobseg.bundle.archive import unpack_bundle
from mobseg.bundle.catalogue import (
    InstalledModel,
    default_model_id,
    find_model,
    free_target,
    list_models,
    user_folder,
    user_model,
)
from mobseg.bundle.extraction import read_bundle_metadata
from mobseg.bundle.folder import ModelFolder, check_networks, open_model_folder
from mobseg.bundle.layout import bundle_files
from mobseg.bundle.manifest import check_manifest, file_sha256, write_manifest
from mobseg.bundle.staging import staged
from mobseg.errors import BundleError, OutputError


def resolve_model(id_or_path: str | Path | None = None) -> ModelFolder:
    """Open a model by its id, or by the path of a model folder or bundle; ``None`` is the default model.

    An id goes before a path; write ``./name`` for a folder that is called like a model.

    Raises:
        BundleError: there is no such model, or it cannot be used.
    """
    name = default_model_id() if id_or_path is None else str(id_or_path)
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
        target = free_target(read_bundle_metadata(path).id)
        unpack_bundle(path, target)
    else:
        model = open_model_folder(path)
        target = free_target(_id_of(model))
        check_networks(model)
        _copy_model(model, target)
    return user_model(target)


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
