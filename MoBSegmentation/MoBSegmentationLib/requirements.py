"""The Python packages that the worker needs beyond those that 3D Slicer brings along."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Requirement:
    """A Python package that the worker needs.

    Attributes:
        name: of the distribution.
        versions: what pip accepts, such as ``>=3.7``.
        size: of the download, in words.
        purpose: what it is for, in words.
        options: of pip, beside the package.
    """

    name: str
    versions: str
    size: str
    purpose: str
    options: tuple[str, ...] = ()

    @property
    def pip_arguments(self) -> tuple[str, ...]:
        """What follows ``pip install``."""
        return (*self.options, f"{self.name}{self.versions}")


TORCH = Requirement(
    "torch",
    # 2.6 is the first whose loading of weights is safe; 2.13 does not start on fresh Windows systems.
    ">=2.6,!=2.9.*" + (",<2.13" if sys.platform == "win32" else ""),
    "0.2 GB, or about 3 GB for an NVIDIA GPU",
    "running the network",
)

REQUIREMENTS = (
    TORCH,
    Requirement(
        "dynamic-network-architectures",
        ">=0.4.4,<0.5",
        "below 1 MB",
        "building the network",
        # What it depends on beyond PyTorch is for networks that are not used here.
        options=("--no-deps",),
    ),
    Requirement("matplotlib", ">=3.7", "about 20 MB", "pictures in reports"),
)


def satisfies(version: str, specifier: str) -> bool:
    """Whether a version fits, for the operators used above: ``>=``, ``<``, and ``!=`` with ``.*``.

    >>> satisfies("2.7.1+cu126", ">=2.6,!=2.9.*")
    True
    """
    return all(_fits(_numbers(version), part) for part in specifier.split(","))


def _fits(version: tuple[int, ...], part: str) -> bool:
    if part.startswith(">="):
        return version >= _numbers(part[2:])
    if part.startswith("!="):
        excluded = _numbers(part[2:])
        return version[: len(excluded)] != excluded
    if part.startswith("<"):
        return version < _numbers(part[1:])
    raise ValueError(f"The version specifier {part!r} is not supported.")


def _numbers(version: str) -> tuple[int, ...]:
    """The release numbers at the start: (2, 7, 1) of ``2.7.1+cu126``."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(number) for number in release[0].split(".")) if release else ()
