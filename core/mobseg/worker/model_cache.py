"""Keeps the last models in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from mobseg.bundle.folder import ModelFolder
    from mobseg.model import LoadedModel

#: Two, so that going back and forth between two models to compare them stays fast.
MAX_MODELS = 2


@dataclass(frozen=True)
class _Key:
    """What must be the same for a model in memory to be as good as one loaded now.

    The device and files as found, not as asked for: ``auto`` and ``cpu`` may be one device, an id and a
    path one model, and a model trained anew in the same folder is another one.
    """

    device: torch.device
    files: frozenset[tuple[str, int, int]]

    @classmethod
    def of(cls, folder: ModelFolder, device: torch.device) -> _Key:
        files = [*folder.checkpoint_paths, *folder.path.glob("*.json")]
        stats = [(str(file), file.stat()) for file in files]
        return cls(
            device, frozenset((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
        )


class ModelCache:
    """The most recently used models. One thread may use it; others may read :attr:`models`."""

    def __init__(self) -> None:
        # Replaced, never changed, so that another thread can read it at any time.
        self._warm: tuple[tuple[_Key, LoadedModel], ...] = ()
        self._times_loaded = 0

    @property
    def models(self) -> tuple[LoadedModel, ...]:
        """Models in memory, the most recently used first."""
        return tuple(model for _, model in self._warm)

    @property
    def times_loaded(self) -> int:
        """How often a model was read from disk."""
        return self._times_loaded

    def get(self, model: str | None, device: str) -> LoadedModel:
        """The model, loaded if need be; see :func:`mobseg.model.load_model`.

        Raises:
            BundleError: there is no such model, or it is damaged, unsafe or unsupported.
            DeviceError: the device is not on this machine.
        """
        from mobseg.bundle.store import resolve_model  # noqa: PLC0415  PyTorch loads after the hello
        from mobseg.device import choose_device  # noqa: PLC0415
        from mobseg.model import load_folder  # noqa: PLC0415

        folder = resolve_model(model)
        key = _Key.of(folder, choose_device(device))
        same = tuple(pair for pair in self._warm if pair[0] == key and not _has_moved(pair[1]))
        others = tuple(pair for pair in self._warm if pair[0] != key)[: MAX_MODELS - 1]
        # Before loading, so that the memory of what has to go is free.
        self._warm = (*same, *others)
        if not same:
            loaded = load_folder(folder, key.device)
            self._times_loaded += 1
            self._warm = ((key, loaded), *others)
        return self._warm[0][1]


def _has_moved(model: LoadedModel) -> bool:
    """Whether the networks were moved to the CPU, because a run did not fit into the GPU's memory."""
    return any(
        weight.device.type != model.device.type
        for network in model.networks
        for weight in network.parameters()
    )
