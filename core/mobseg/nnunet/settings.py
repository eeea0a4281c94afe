"""Settings of a training, stored in the plans so that ``nnUNetv2_train`` alone can repeat it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar

from mobseg.bundle.packing import FINETUNE_KEY
from mobseg.losses import LossSettings

#: Key of the plans file; stock nnU-Net ignores keys that it does not know.
SCHEDULE_KEY = "mobseg_schedule"

#: Which epoch of a fine-tuning becomes the model.
Kept = Literal["best", "last"]

_Settings = TypeVar("_Settings", "Schedule", "LossSettings")


def _known(cls: type[_Settings], values: dict[str, Any]) -> _Settings:
    names = {entry.name for entry in fields(cls)}
    return cls(**{name: value for name, value in values.items() if name in names})


@dataclass(frozen=True)
class Schedule:
    """Length of a training. The defaults are nnU-Net's.

    Attributes:
        epochs: number of epochs.
        iterations: training steps of an epoch.
        validation_iterations: validation patches of an epoch, in batches.
        initial_lr: learning rate of the first epoch.
        seed: of weights, patches and noise. Augmentation runs in several processes whose order is not
            fixed, so two runs with one seed agree closely, not bit by bit.
        batch_size: patches of a step; ``None`` leaves the size that nnU-Net planned.
    """

    epochs: int = 1000
    iterations: int = 250
    validation_iterations: int = 50
    initial_lr: float = 1e-2
    seed: int = 0
    batch_size: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_plans(cls, plans: dict[str, Any]) -> Schedule:
        """The schedule in the plans, or nnU-Net's."""
        return _known(cls, plans.get(SCHEDULE_KEY, {}))


@dataclass(frozen=True)
class FinetuneSettings:
    """Fine-tuning from a converged base model (section 3.1 and 4 of the paper).

    Attributes:
        base_checkpoint: file with the base model's weights.
        loss: objective and weights.
        weight_decay: of AdamW.
        clip_norm: largest norm of the gradient.
        keep: the epoch that becomes the model: the one with the best smoothed validation Dice, or the last.
            The first may be an early one, before any variance was learned, when a run is short.
    """

    base_checkpoint: str
    loss: LossSettings = field(default_factory=LossSettings)
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    keep: Kept = "best"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_plans(cls, plans: dict[str, Any]) -> FinetuneSettings:
        """The settings in the plans.

        Raises:
            KeyError: these plans were not made for fine-tuning.
        """
        values = plans[FINETUNE_KEY]
        return cls(
            values["base_checkpoint"],
            _known(LossSettings, values["loss"]),
            values["weight_decay"],
            values["clip_norm"],
            values.get("keep", "best"),
        )
