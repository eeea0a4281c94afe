"""Bundles: a model folder as one zip file."""

from __future__ import annotations

import zipfile
from pathlib import Path

from mobseg.bundle.extraction import extract_bundle
from mobseg.bundle.folder import ModelFolder, check_networks, open_model_folder
from mobseg.bundle.layout import MANIFEST, bundle_files
from mobseg.bundle.staging import staged

_CHUNK = 1 << 20
# The earliest time a zip can hold: the same model always gives the same bytes.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def write_archive(folder: Path, destination: Path) -> None:
    """Zip the model's files in ``folder``; equal files give equal bytes."""
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in [*bundle_files(folder), MANIFEST]:
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            with (folder / name).open("rb") as source, archive.open(entry, "w") as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)


def unpack_bundle(path: Path, destination: Path) -> ModelFolder:
    """Unpack a bundle into the new folder ``destination`` and open it.

    Raises:
        BundleError: the zip is damaged, holds anything but the files of a bundle, inflates beyond the
            limits, differs from its manifest, or is no model; nothing is left behind.
        OutputError: the destination exists or cannot be written.
    """
    with staged(destination) as folder:
        extract_bundle(path, folder)
        check_networks(open_model_folder(folder))
    return open_model_folder(destination)
