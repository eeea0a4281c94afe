"""What both trainers add to nnU-Net's: a schedule from the plans, progress, safe resuming, bfloat16 on CPUs."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from mobseg.device import choose_precision
from mobseg.nnunet.resume import load_training_state
from mobseg.nnunet.settings import Schedule
from mobseg.progress import Progress


def backbone_autocast(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Autocast where it is faster: float16 on CUDA, bfloat16 on CPUs that have it."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.float16)
    if choose_precision("auto", device) == torch.bfloat16:
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()


class MobsegTrainer(nnUNetTrainer):  # type: ignore[misc]
    """Stock nnU-Net training (loss, augmentation, SGD, poly rate) of the length that the plans ask for.

    Attributes:
        progress: told about every step; ``None`` leaves nnU-Net's own printing on.
    """

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008  nnU-Net reads the signature
    ) -> None:
        plans.setdefault("continue_training", False)
        self.progress: Progress | None = None
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.schedule = Schedule.from_plans(self.plans_manager.plans)
        self.num_epochs = self.schedule.epochs
        self.num_iterations_per_epoch = self.schedule.iterations
        self.num_val_iterations_per_epoch = self.schedule.validation_iterations
        self.initial_lr = self.schedule.initial_lr
        self.save_every = 1  # a killed run loses at most one epoch
        self._steps_in_epoch = 0

    def initialize(self) -> None:
        """Seed everything, then build network, optimiser and loss."""
        random.seed(self.schedule.seed)
        np.random.seed(self.schedule.seed)
        torch.manual_seed(self.schedule.seed)
        super().initialize()

    def print_to_log_file(
        self, *arguments: Any, also_print_to_console: bool = True, add_timestamp: bool = True
    ) -> None:
        """Write to nnU-Net's log file; print only when nobody watches the progress."""
        super().print_to_log_file(
            *arguments,
            also_print_to_console=also_print_to_console and self.progress is None,
            add_timestamp=add_timestamp,
        )

    def on_train_epoch_start(self) -> None:
        """Count the steps of this epoch."""
        super().on_train_epoch_start()
        self._steps_in_epoch = 0

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """One optimiser step."""
        self._report_step()
        if self.device.type == "cpu":
            with backbone_autocast(self.device):
                return super().train_step(batch)  # type: ignore[no-any-return]
        return super().train_step(batch)  # type: ignore[no-any-return]

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Loss and counts of one validation batch."""
        if self.device.type == "cpu":
            with backbone_autocast(self.device):
                return super().validation_step(batch)  # type: ignore[no-any-return]
        return super().validation_step(batch)  # type: ignore[no-any-return]

    def load_checkpoint(self, filename_or_checkpoint: str | dict[str, Any]) -> None:
        """Resume from a file without executing code from it, or from a loaded checkpoint."""
        if not self.was_initialized:
            self.initialize()
        state = filename_or_checkpoint
        if isinstance(state, str):
            state = load_training_state(Path(state), self.device)
        self.my_init_kwargs = state["init_args"]
        self.current_epoch = state["current_epoch"]
        self.logger.load_checkpoint(state["logging"])
        self._best_ema = state["_best_ema"]
        self.inference_allowed_mirroring_axes = state["inference_allowed_mirroring_axes"]
        network = getattr(self.network, "_orig_mod", self.network)
        network.load_state_dict(state["network_weights"])  # type: ignore[union-attr]
        self.optimizer.load_state_dict(state["optimizer_state"])
        if self.grad_scaler is not None and state["grad_scaler_state"] is not None:
            self.grad_scaler.load_state_dict(state["grad_scaler_state"])

    def save_checkpoint(self, filename: str) -> None:
        """Write completely, then rename: a kill while saving leaves the previous checkpoint."""
        partial = f"{filename}.partial"
        super().save_checkpoint(partial)
        if Path(partial).exists():
            Path(partial).replace(filename)

    def _report_step(self) -> None:
        if self.progress is None:
            return
        self.progress.raise_if_cancelled()
        done = self.current_epoch + self._steps_in_epoch / self.num_iterations_per_epoch
        self._steps_in_epoch += 1
        stage = f"Epoch {self.current_epoch + 1} of {self.num_epochs}"
        if self.current_epoch > 0:
            stage += f", validation Dice {self._last_dice():.3f}"
        self.progress.report(stage, done / self.num_epochs)

    def _last_dice(self) -> float:
        return float(self.logger.get_value("mean_fg_dice", step=-1))
