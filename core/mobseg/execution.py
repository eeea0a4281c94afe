"""How the networks of a model are run: in which precision, and by which library."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, util

import torch

from mobseg.bundle.metadata import EXACT
from mobseg.device import choose_precision, precision_name
from mobseg.inference.windows import window_starts
from mobseg.model import LoadedModel
from mobseg.network.openvino_trunk import OpenVinoError, uses_openvino
from mobseg.options import SegmentOptions

#: Voxels that the network must have to compute, all windows and passes together, for ``auto`` to have OpenVINO
#: compile it. Importing and compiling take as long as OpenVINO saves on 1.2 million voxels of ResEncL, and on
#: 2 to 3 million of the small shipped model, in bfloat16; see docs/performance.md.
_ENOUGH_VOXELS = 4_000_000

#: ``auto`` stays with PyTorch on other processors, for which nothing was measured.
_MEASURED_MACHINES = ("x86_64", "AMD64")


@dataclass(frozen=True, eq=False)
class Execution:
    """A model that is ready to be run.

    Attributes:
        model: with the networks that compute.
        precision: of their backbones.
        is_compiled: whether OpenVINO compiled the networks.
        why_torch: why it did not, where it was to.
    """

    model: LoadedModel
    precision: torch.dtype
    is_compiled: bool = False
    why_torch: str | None = None

    @property
    def record(self) -> dict[str, str]:
        """Options of the run as they turned out, to be read after it."""
        return {
            "precision": precision_name(self.precision),
            "engine": "openvino" if self._is_on_openvino else "torch",
        }

    @property
    def versions(self) -> dict[str, str]:
        """Version of the library, where it is not PyTorch alone."""
        return {"openvino": metadata.version("openvino")} if self._is_on_openvino else {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was not as it was to be, to be read after the run."""
        if self.why_torch is not None:
            return (
                f"The network ran in PyTorch, because OpenVINO cannot be used: {self.why_torch}.",
            )
        if self.is_compiled and not self._is_on_openvino:
            return ("OpenVINO failed to compute the network, so that PyTorch took over.",)
        return ()

    @property
    def _is_on_openvino(self) -> bool:
        return all(map(uses_openvino, self.model.networks))


def choose_execution(model: LoadedModel, options: SegmentOptions, size: Sequence[int]) -> Execution:
    """Prepare a model for one image; OpenVINO may have to compile it.

    Args:
        model: from :func:`mobseg.model.load_model`.
        options: choices of the user.
        size: (Z, Y, X) of the image that the network sees.
    """
    precision = _precision(model, options)
    if options.engine == "torch" or (options.engine == "auto" and not _pays(model, options, size)):
        return Execution(model, precision)
    if model.device.type != "cpu":
        return Execution(model, precision, why_torch="it is for CPUs only")
    try:
        return Execution(model.on_openvino(precision), precision, is_compiled=True)
    except OpenVinoError as error:
        return Execution(model, precision, why_torch=str(error))


def _precision(model: LoadedModel, options: SegmentOptions) -> torch.dtype:
    preferred = model.metadata.precision if model.metadata else EXACT
    # Never silently less than exact: only for a model that was measured in it.
    is_left_exact = options.precision == "auto" and preferred == EXACT
    return choose_precision(EXACT if is_left_exact else options.precision, model.device)


def _pays(model: LoadedModel, options: SegmentOptions, size: Sequence[int]) -> bool:
    """Whether OpenVINO is there and saves more time than it takes to start."""
    return (
        model.device.type == "cpu"
        and platform.machine() in _MEASURED_MACHINES
        and util.find_spec("openvino") is not None
        and _voxels(model, options, size) >= _ENOUGH_VOXELS
    )


def _voxels(model: LoadedModel, options: SegmentOptions, size: Sequence[int]) -> int:
    """Voxels in all windows of all passes of one network."""
    patch = model.plan.patch_size
    windows = math.prod(
        len(window_starts(max(n, p), p, options.step)) for n, p in zip(size, patch, strict=True)
    )
    passes = 2 ** len(model.mirror_axes) if options.mirror else 1
    return windows * passes * math.prod(patch)
