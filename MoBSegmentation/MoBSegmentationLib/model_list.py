"""The models that a user can choose: shipped, imported, and model folders anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mobseg.metrics.review import ReviewCurve


class Settings(Protocol):
    """What is kept between sessions; ``qt.QSettings`` is one."""

    def value(self, key: str) -> object:
        """The value of ``key``, or ``None``."""

    def setValue(self, key: str, value: object) -> None:  # noqa: N802  Qt's name
        """Keep a value."""


@dataclass(frozen=True)
class ModelEntry:
    """A model in the list.

    Attributes:
        key: what :class:`RunRequest` takes as ``model``: an id, or the path of a folder.
        name: for people.
        kind: ``shipped``, ``imported`` or ``folder``.
        is_stochastic: whether it predicts a variance; otherwise its map is disagreement or entropy.
        requires_roi: whether it only works inside a region of interest.
        structures: names of what it segments.
        intended_use: sentence of its card; says that there is none for a plain nnU-Net model.
        limits: sentence of its card, or "".
        training_data: what it was trained on, in words, or "".
        licence: of the weights, or "".
        score: map that its regions are ranked by.
        recommended_threshold: on this map, from the review curve; ``None`` if it was not measured.
        review_curve: ``None`` if it was not measured.
        problem: sentence on why it cannot be used, or ``None``.
    """

    key: str
    name: str
    kind: str
    is_stochastic: bool
    requires_roi: bool
    structures: tuple[str, ...]
    intended_use: str
    limits: str
    training_data: str
    licence: str
    score: str
    recommended_threshold: float | None
    review_curve: ReviewCurve | None
    problem: str | None

    @property
    def can_be_removed(self) -> bool:
        """Whether :meth:`ModelList.remove` may be called."""
        return self.kind != "shipped"


class ModelList:
    """The models of this user. Works before PyTorch is installed, and never imports it.

    Args:
        settings: where the folders that were added are kept.
    """

    def __init__(self, settings: Settings) -> None:
        raise NotImplementedError

    def entries(self) -> tuple[ModelEntry, ...]:
        """All models: the default first, then shipped, imported and folders."""
        raise NotImplementedError

    def import_bundle(self, path: Path) -> ModelEntry:
        """Copy a bundle (zip) into the user's models.

        Raises:
            mobseg.errors.MobsegError: it is damaged or unsafe, is installed already, or cannot be written.
        """
        raise NotImplementedError

    def add_folder(self, path: Path) -> ModelEntry:
        """Add the folder of a trained nnU-Net v2 model; it stays where it is.

        Raises:
            mobseg.errors.BundleError: it is no such folder.
        """
        raise NotImplementedError

    def remove(self, entry: ModelEntry) -> None:
        """Delete an imported model, or take a folder off the list; its files stay.

        Raises:
            mobseg.errors.MobsegError: the model ships with the extension, or cannot be deleted.
        """
        raise NotImplementedError
