"""Reads and extracts bundles with distrust; needs no PyTorch, so weights are only copied here."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from mobseg.bundle.layout import METADATA, is_bundle_file
from mobseg.bundle.manifest import check_manifest
from mobseg.bundle.metadata import BundleMetadata
from mobseg.errors import BundleError

MAX_FILES = 64
MAX_TOTAL_BYTES = 8 << 30
#: Weights hardly shrink; a whole bundle that inflates more than this was made to fill a disk.
MAX_INFLATION = 50
_MAX_METADATA_BYTES = 4 << 20

_CHUNK = 1 << 20
_UNIX_SYMLINK = 0o120000
_UNIX_FILE_TYPE = 0o170000
_ENCRYPTED = 0x1


def extract_bundle(path: Path, folder: Path) -> None:
    """Extract a bundle into ``folder``, which may hold anything afterwards if an error is raised.

    The weights are not opened; :func:`mobseg.bundle.folder.check_networks` does.

    Raises:
        BundleError: the zip is damaged, holds anything but the files of a bundle, inflates beyond the
            limits, or differs from its manifest, or its metadata is wrong.
    """
    with _opened(path) as archive:
        for entry in _checked_entries(archive, path):
            _extract(archive, entry, folder, path)
        check_manifest(folder)
        BundleMetadata.read(folder / METADATA)


def read_bundle_metadata(path: Path) -> BundleMetadata:
    """Read ``mobseg.json`` from a bundle without unpacking it.

    Raises:
        BundleError: the zip is damaged or unsafe, or its metadata is wrong.
    """
    with _opened(path) as archive:
        entries = [e for e in _checked_entries(archive, path) if e.filename == METADATA]
        if not entries or entries[0].file_size > _MAX_METADATA_BYTES:
            raise BundleError(f"{path} holds no usable {METADATA}; obtain the bundle again.")
        return BundleMetadata.parse(archive.read(entries[0]))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError as error:
        raise BundleError(f"The bundle {path} does not exist; check the path.") from error
    except OSError as error:
        raise BundleError(f"The bundle {path} cannot be read ({error.strerror}).") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise BundleError(
            f"The bundle {path} is truncated, damaged or no zip file; obtain it again."
        ) from error


def _checked_entries(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """All entries of the archive, once names, kinds and declared sizes are found harmless."""
    entries = archive.infolist()
    for entry in entries:
        _check_entry(entry, path)
    if len({entry.filename.casefold() for entry in entries}) < len(entries):
        raise _unsafe(path, "it holds two files of the same name")
    if len(entries) > MAX_FILES:
        raise _unsafe(path, f"it holds {len(entries)} files, more than {MAX_FILES}")
    total = sum(entry.file_size for entry in entries)
    if total > min(MAX_TOTAL_BYTES, MAX_INFLATION * path.stat().st_size):
        raise _unsafe(path, f"it would inflate to {total} bytes")
    return entries


def _check_entry(entry: zipfile.ZipInfo, path: Path) -> None:
    # zipfile cleans names on its own account (a null byte, the separators of Windows); the name is
    # judged as it was written.
    name = entry.orig_filename
    if not is_bundle_file(name):
        raise _unsafe(path, f"it holds {name[:80]!r}, which is no file of a bundle")
    if entry.external_attr >> 16 & _UNIX_FILE_TYPE == _UNIX_SYMLINK:
        raise _unsafe(path, f"its file {name} is a symbolic link")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _unsafe(path, f"its file {name} uses an unusual compression")
    if entry.flag_bits & _ENCRYPTED:
        raise _unsafe(path, f"its file {name} is encrypted")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, path: Path) -> None:
    """Write one entry, and stop as soon as it holds more than it declared."""
    target = folder / entry.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > entry.file_size:
                raise _unsafe(path, f"its file {entry.filename} is larger than declared")
            file.write(chunk)


def _unsafe(path: Path, reason: str) -> BundleError:
    return BundleError(
        f"The bundle {path} was refused, because {reason}; obtain it from a source you trust."
    )
