from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from functools import partial
from typing import IO

import numpy as np
import pytest

from mobseg.image_io import _gzip_write, compressor
from mobseg.image_io._gzip_write import GzipWriter

ONE, ZERO = np.float32(1), np.float32(0)


@pytest.fixture(params=["as installed", "zlib", "zlib for runs of a byte"])
def writer_type(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[IO[bytes]], GzipWriter]:
    if request.param != "as installed":
        monkeypatch.setattr(_gzip_write, "_codec", zlib)
    return partial(GzipWriter, has_byte_runs=request.param == "zlib for runs of a byte")


def noise(size: int, seed: int = 0) -> bytes:
    """Compressible bytes, the same each time: repeats of it must not refer across a run."""
    return np.random.default_rng(seed).integers(0, 4, size).astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b""],
        [noise(100_000)],
        [(ZERO, 16384)],
        [(ZERO, 16384), (ZERO, 16384), (ONE, 16384), (ONE, 5)],
        [noise(5000), (ZERO, 3), noise(5000), (ONE, 100_000), noise(5000), noise(70_000, 1)],
        [(ONE, 1), noise(333), noise(40_000), (ONE, 1), noise(333)],
    ],
)
def test_unpacks_to_what_was_written(
    writer_type: Callable[[IO[bytes]], GzipWriter], parts: list
) -> None:
    file = io.BytesIO()
    writer = writer_type(file)
    expected = b""
    for part in parts:
        if isinstance(part, bytes):
            writer.write(part)
            expected += part
        else:
            writer.write_run(*part)
            expected += part[0].tobytes() * part[1]
    writer.finish()
    packed = file.getvalue()
    assert gzip.decompress(packed) == expected  # checks checksum and size too
    # One member: readers that stop after the first one see everything.
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert unpacker.decompress(packed) == expected
    assert unpacker.eof
    assert not unpacker.unused_data


def test_runs_are_small_and_equal_volumes_give_equal_files(
    writer_type: Callable[[IO[bytes]], GzipWriter],
) -> None:
    files = []
    for _ in range(2):
        file = io.BytesIO()
        writer = writer_type(file)
        writer.write(noise(1000))
        for _ in range(1000):
            writer.write_run(ZERO, 16384)
        writer.finish()
        files.append(file.getvalue())
    assert files[0] == files[1]
    assert len(files[0]) < 150_000  # of 66 MB


def test_runs_of_a_byte_between_numbers_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gzip_write, "_codec", zlib)
    values = np.zeros(100_000, np.float32)
    values[::70] = np.random.default_rng(0).random(len(values[::70]), dtype=np.float32)
    sizes = []
    for has_byte_runs in (False, True):
        file = io.BytesIO()
        writer = GzipWriter(file, has_byte_runs=has_byte_runs)
        writer.write(values.tobytes())
        writer.finish()
        sizes.append(len(file.getvalue()))
    assert sizes[1] < 0.95 * sizes[0]


def test_says_what_compresses() -> None:
    name, version = compressor().split()
    assert name in ("isal", "zlib")
    assert version[0].isdigit()
