"""What a user should know of a model before choosing it, from its card or, without one, its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobseg.bundle.catalogue import InstalledModel
    from mobseg.bundle.metadata import BundleMetadata
    from mobseg.metrics.review import ReviewCurve

_WITHOUT_CARD = "A plain nnU-Net model without a card: what it may be used for is not known."


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
    is_stochastic: bool = False
    requires_roi: bool = False
    structures: tuple[str, ...] = ()
    intended_use: str = _WITHOUT_CARD
    limits: str = ""
    training_data: str = ""
    licence: str = ""
    score: str = "entropy"
    recommended_threshold: float | None = None
    review_curve: ReviewCurve | None = None
    problem: str | None = None

    @property
    def can_be_removed(self) -> bool:
        """Whether :meth:`ModelList.remove` may be called."""
        return self.kind != "shipped"


def entry_of_installed(model: InstalledModel) -> ModelEntry:
    """The entry of a shipped or imported model."""
    kind = "shipped" if model.origin == "shipped" else "imported"
    if model.problem is not None:
        return ModelEntry(model.id, model.id, kind, intended_use="", problem=model.problem)
    if model.metadata is None:
        return _from_files(model.path, model.id, kind)
    return _from_card(model.metadata, model.id, kind)


def entry_of_folder(folder: Path) -> ModelEntry:
    """The entry of a model folder, with its problem if it is none any more."""
    return _from_files(folder, str(folder), "folder")


def _from_card(card: BundleMetadata, key: str, kind: str) -> ModelEntry:
    data = card.training_data
    return ModelEntry(
        key=key,
        name=card.name,
        kind=kind,
        is_stochastic=card.is_stochastic,
        requires_roi=card.requires_roi,
        structures=tuple(label.name for label in card.labels),
        intended_use=card.intended_use,
        limits=card.limits,
        training_data=f"{data.name}: {data.n_train} cases, tested on {data.n_test}; {data.citation}",
        licence=card.licence,
        score=card.score_map,
        recommended_threshold=card.recommended_threshold,
        review_curve=_curve(card.review_curve),
    )


def _from_files(folder: Path, key: str, kind: str) -> ModelEntry:
    from mobseg.bundle.fields import Fields  # noqa: PLC0415
    from mobseg.bundle.label_scheme import label_scheme  # noqa: PLC0415
    from mobseg.bundle.layout import DATASET, METADATA, PLANS, trained_folds  # noqa: PLC0415
    from mobseg.bundle.metadata import BundleMetadata  # noqa: PLC0415
    from mobseg.errors import BundleError  # noqa: PLC0415
    from mobseg.uncertainty import default_score  # noqa: PLC0415

    try:
        trained_folds(folder)
        if (folder / METADATA).exists():
            return _from_card(BundleMetadata.read(folder / METADATA), key, kind)
        plans = Fields.read(folder / PLANS)
        labels = label_scheme(Fields.read(folder / DATASET)).table
    except BundleError as error:
        return ModelEntry(key, folder.name, kind, intended_use="", problem=str(error))
    is_stochastic = _has_stochastic_network(plans.data)
    return ModelEntry(
        key=key,
        name=f"{plans.data.get('dataset_name', folder.parent.name)}, {folder.name}",
        kind=kind,
        is_stochastic=is_stochastic,
        structures=tuple(label.name for label in labels),
        score=default_score(is_stochastic),
    )


def _has_stochastic_network(plans: dict[str, Any]) -> bool:
    """Whether the plans name a network of ``mobseg``, all of which predict a variance."""
    configurations = plans.get("configurations")
    if not isinstance(configurations, dict):
        return False
    architectures = (c.get("architecture") for c in configurations.values() if isinstance(c, dict))
    names = (a.get("network_class_name") for a in architectures if isinstance(a, dict))
    return any(str(name).startswith("mobseg.") for name in names)


def _curve(stored: dict[str, Any] | None) -> ReviewCurve | None:
    from mobseg.errors import BundleError  # noqa: PLC0415
    from mobseg.metrics.review import ReviewCurve  # noqa: PLC0415

    try:
        return ReviewCurve.from_dict(stored) if stored is not None else None
    except BundleError:
        return None
