"""SHA-256 of the files of a model, to notice damage and to tell models apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mobseg.bundle.fields import Fields
from mobseg.bundle.layout import MANIFEST, bundle_files
from mobseg.errors import BundleError

FORMAT_VERSION = 1
_CHUNK = 1 << 20


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def combined_sha256(folder: Path, files: Iterable[Path]) -> str:
    """One SHA-256 for these files and their names in ``folder``."""
    hashes = {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}
    return hashlib.sha256(_text(hashes).encode("utf-8")).hexdigest()


def write_manifest(folder: Path) -> None:
    """Write the hashes of all files of the model into ``manifest.json``."""
    hashes = {name: file_sha256(folder / name) for name in bundle_files(folder)}
    (folder / MANIFEST).write_text(_text(hashes), encoding="utf-8", newline="\n")


def check_manifest(folder: Path) -> None:
    """Compare the files of a model with its ``manifest.json``.

    Raises:
        BundleError: a file was changed, or is missing, or was added.
    """
    fields = Fields.read(folder / MANIFEST)
    if fields.integer("format_version") != FORMAT_VERSION:
        raise BundleError(
            f"{MANIFEST} has an unknown format version; update the program or the model."
        )
    expected = fields.child("sha256").data
    if set(expected) != set(bundle_files(folder)):
        raise BundleError(
            f"The files of the model are not those of its {MANIFEST}; obtain the model again."
        )
    for name, digest in expected.items():
        if file_sha256(folder / name) != digest:
            raise BundleError(
                f"The model's file {name} was damaged or changed (its SHA-256 differs from "
                f"{MANIFEST}); obtain the model again."
            )


def _text(hashes: Mapping[str, str]) -> str:
    return json.dumps({"format_version": FORMAT_VERSION, "sha256": hashes}, indent=2) + "\n"
