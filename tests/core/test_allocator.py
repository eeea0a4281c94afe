from __future__ import annotations

import contextlib
import ctypes
import platform
import resource

import pytest
import torch

from mobseg.allocator import reused_memory

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the setting exists in glibc only"
)

PAGES_OF_A_BLOCK = 64 * 2**20 // resource.getpagesize()


def _faults(repeats: int) -> int:
    """Page faults of taking and freeing a block of 64 MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(repeats):
        torch.ones(16 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def _resident_bytes() -> int:
    """Resident memory of the process."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  read at once
        return int(file.read().split()[1]) * resource.getpagesize()


def test_a_freed_block_is_used_again():
    with reused_memory():
        _faults(20)  # until the heap has a gap of this size
        assert _faults(10) < PAGES_OF_A_BLOCK / 10


@pytest.mark.parametrize("fails", [False, True])
def test_the_memory_is_given_back_afterwards(fails):
    before = _resident_bytes()
    with contextlib.suppress(ZeroDivisionError), reused_memory():
        _faults(1)
        assert _resident_bytes() > before + 32 * 2**20
        1 / int(not fails)
    assert _resident_bytes() < before + 8 * 2**20


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("glibc was asked for"))
    with reused_memory():
        pass
