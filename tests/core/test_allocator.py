"""In processes of their own: once an allocation has failed, glibc serves a thread from another heap."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from mobseg.allocator import reused_memory

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the setting exists in glibc only"
)

MEASURE = """
import contextlib, resource, sys, torch
from mobseg.allocator import reused_memory, returned_memory

def faults(repeats):
    "Page faults of taking and freeing a block of 64 MiB."
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(repeats):
        torch.ones(16 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident_mib():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
"""

REUSES = """
with reused_memory():
    faults(20)  # until the heap has a gap of this size
    print(faults(10) / (64 * 2**20 / resource.getpagesize()))
"""

GIVES_BACK = """
before = resident_mib()
with contextlib.suppress(ZeroDivisionError), reused_memory():
    faults(1)
    print(resident_mib() - before)
    1 / int(sys.argv[1])
print(resident_mib() - before)
"""

GIVES_BACK_WITHIN = """
from mobseg.allocator import return_free_memory
before = resident_mib()
with reused_memory():
    faults(1)
    print(resident_mib() - before)
    return_free_memory()
    print(resident_mib() - before)
"""


def _measured(program: str, *arguments: str) -> list[float]:
    command = [sys.executable, "-c", MEASURE + program, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


def test_free_memory_can_be_given_back_before_the_end() -> None:
    kept, left = _measured(GIVES_BACK_WITHIN)
    assert kept > 60
    assert left < 10


def test_a_freed_block_is_used_again() -> None:
    (blocks_filled_anew,) = _measured(REUSES)
    assert blocks_filled_anew < 0.1


@pytest.mark.parametrize("divisor", ["1", "0"])
def test_the_memory_is_given_back_afterwards(divisor: str) -> None:
    """Also after an exception."""
    kept, left = _measured(GIVES_BACK, divisor)
    assert kept > 32
    assert left < 8


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("glibc was asked for"))
    with reused_memory():
        pass


RETURNS = """
with reused_memory():
    with returned_memory():
        block = torch.ones(16 * 2**20)
    before = resident_mib()
    del block
    print(before - resident_mib())
    faults(20)
    print(faults(10) / (64 * 2**20 / resource.getpagesize()))
"""


def test_single_blocks_are_given_back_at_once_and_others_are_reused_all_the_same() -> None:
    freed, blocks_faulted = _measured(RETURNS)
    assert freed > 60
    assert blocks_faulted < 0.5
