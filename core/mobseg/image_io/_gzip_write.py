"""A gzip file of voxels, cheap where they are equal.

Most of a map is one value for thousands of voxels. A run of equal voxels is compressed once, and its compressed
bytes and its effect on the checksum are used again. Every run starts and ends at a byte and refers to nothing
before it, so that the file is one ordinary gzip stream (RFC 1951 and 1952).

python-isal, if it is installed, compresses the rest several times as fast as zlib.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

import numpy as np

try:
    import isal  # type: ignore[import-not-found,unused-ignore]
    from isal import isal_zlib as _codec  # type: ignore[import-not-found,unused-ignore]

    _COMPRESSOR = f"isal {isal.__version__}"
except ImportError:
    _codec = zlib  # type: ignore[assignment,unused-ignore]
    _COMPRESSOR = f"zlib {zlib.ZLIB_RUNTIME_VERSION}"

#: Largest number of voxels of a run that are packed as one piece: 256 KiB of float32.
_LARGEST_PIECE = 1 << 16

_LEVEL = 1
_LEVEL_OF_RUNS = 9
_RAW = -zlib.MAX_WBITS

# Neither name nor time, so that equal volumes give equal files; the system is "unknown".
_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"


def compressor() -> str:
    """Which library compresses, and its version."""
    return _COMPRESSOR


class GzipWriter:
    """Writes one gzip stream; :meth:`finish` must end it.

    Args:
        file: where to.
        has_byte_runs: the same byte is often repeated, as the zeros of labels and of sparse maps, and little
            else is: zlib then looks for nothing else, which takes a fifth less time for a quarter less data.
    """

    def __init__(self, file: IO[bytes], *, has_byte_runs: bool = False) -> None:
        self._file = file
        if has_byte_runs and _codec is zlib:
            self._packer = zlib.compressobj(
                _LEVEL, zlib.DEFLATED, _RAW, zlib.DEF_MEM_LEVEL, zlib.Z_RLE
            )
        else:
            self._packer = _codec.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
        self._is_flushed = True
        self._checksum = 0
        self._size = 0
        file.write(_HEADER)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        self._checksum = _codec.crc32(data, self._checksum)
        self._size += memoryview(data).nbytes
        self._file.write(self._packer.compress(data))
        self._is_flushed = False

    def write_run(self, value: np.generic, count: int) -> None:
        """Append ``count`` equal voxels."""
        if not self._is_flushed:
            # Forgets all that was written, so that nothing after the run refers to before it.
            self._file.write(self._packer.flush(zlib.Z_FULL_FLUSH))
            self._is_flushed = True
        piece = _LARGEST_PIECE
        while count:
            # Few sizes, so that each was packed before.
            for _ in range(count // piece):
                self._write_packed(_packed_run(value.tobytes(), piece))
            count %= piece
            piece //= 2

    def _write_packed(self, run: _PackedRun) -> None:
        self._file.write(run.packed)
        self._checksum = run.append_to(self._checksum)
        self._size += run.size

    def finish(self) -> None:
        """Write the end of the stream; the file stays open."""
        self._file.write(self._packer.flush(zlib.Z_FINISH))
        self._file.write(struct.pack("<LL", self._checksum, self._size & 0xFFFFFFFF))


@dataclass(frozen=True)
class _PackedRun:
    """Compressed bytes, and what they do to the checksum of everything before them.

    The checksum is an affine function of its earlier value, bit by bit.

    Attributes:
        packed: a piece of a deflate stream that ends at a byte.
        size: number of bytes that it stands for.
        of_zero: the checksum after it if it was 0 before.
        of_bit: by how much each set bit before changes that.
    """

    packed: bytes
    size: int
    of_zero: int
    of_bit: tuple[int, ...]

    def append_to(self, checksum: int) -> int:
        """The checksum with these bytes at the end."""
        result = self.of_zero
        for bit, change in enumerate(self.of_bit):
            if checksum >> bit & 1:
                result ^= change
        return result


@lru_cache(maxsize=64)
def _packed_run(voxel: bytes, count: int) -> _PackedRun:
    data = voxel * count
    packer = zlib.compressobj(_LEVEL_OF_RUNS, zlib.DEFLATED, _RAW)
    packed = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
    of_zero = zlib.crc32(data, 0)
    of_bit = tuple(zlib.crc32(data, 1 << bit) ^ of_zero for bit in range(32))
    return _PackedRun(packed, len(data), of_zero, of_bit)
