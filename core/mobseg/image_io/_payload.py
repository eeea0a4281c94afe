"""Whether the voxel data of a file are all there.

ITK reads a truncated NIfTI without an error and leaves whatever was in memory in the rest, ignores the
checksums of compressed data, and prints on stderr where a MetaImage is short. So the bytes are counted
before ITK sees them, without keeping them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from mobseg.errors import InvalidInput

#: How data are packed; zlib stands for gzip as well.
Codec = Literal["raw", "zlib"]

_CHUNK_BYTES = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Payload:
    """Where the voxel data lie and how they are packed.

    Attributes:
        file: holds the data; the image file itself or the one its header names.
        offset: first byte of the data in ``file``.
        codec: how the bytes from ``offset`` on are packed.
        n_bytes: the unpacked size that is needed, or 0 where ITK itself checks the size.
    """

    file: Path
    offset: int
    codec: Codec
    n_bytes: int = 0


def verify_payload(payload: Payload) -> None:
    """Check that all voxel data are there and unpack without an error.

    Raises:
        InvalidInput: data are missing or damaged.
    """
    if not payload.file.is_file():
        raise InvalidInput(
            "The header names a data file that is missing; keep header and data file together."
        )
    if payload.codec == "raw":
        found = payload.file.stat().st_size - payload.offset
    else:
        with payload.file.open("rb") as stream, unpacking():
            stream.seek(payload.offset)
            found = _count_unpacked(stream)
    require_bytes(found, payload.n_bytes)


def require_bytes(found: int, needed: int) -> None:
    """Refuse a file with too little data.

    Raises:
        InvalidInput: ``found`` is smaller than ``needed``.
    """
    if found < needed:
        raise InvalidInput(
            f"The file is truncated: it holds {max(found, 0)} of {needed} bytes of voxel data; "
            "copy or export it again."
        )


def open_gzip_or_plain(path: Path) -> IO[bytes]:
    """Open a file for reading; unpack it if its content is gzip, whatever its name."""
    with path.open("rb") as stream:
        is_gzip = stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return cast("IO[bytes]", gzip.open(path, "rb")) if is_gzip else path.open("rb")


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """All bytes from here to the end; every chunk but the last has the same, even, size."""
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


@contextmanager
def unpacking() -> Iterator[None]:
    """Turn the errors of gzip and zlib into one sentence.

    Raises:
        InvalidInput: the compressed stream ends early or its checksum is wrong.
    """
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidInput(
            "The file is truncated or damaged: its compressed data do not unpack; "
            "copy or export it again."
        ) from error


def _count_unpacked(stream: IO[bytes]) -> int:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: gzip or zlib, by the header
    found = sum(len(unpacker.decompress(chunk)) for chunk in chunks(stream))
    if not unpacker.eof:
        raise EOFError
    return found
