"""nnU-Net's trainer with a schedule that is read from the plans, progress, and bfloat16 on capable CPUs."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

#: Key of the plans file that holds the schedule; stock nnU-Net ignores keys that it does not know.
SCHEDULE_KEY = "mobseg_schedule"


def cpu_prefers_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (AVX512-BF16 or AMX).

    Without such instructions bfloat16 is emulated and slower than float32.
    """
    capabilities = torch.backends.cpu.get_cpu_capability()
    return "AVX512" in capabilities and bool(
        torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )


class MobsegBaseTrainer(nnUNetTrainer):
    """Stock nnU-Net training (loss, augmentation, SGD, poly rate) with a configurable length.

    Schedule keys in the plans under :data:`SCHEDULE_KEY`: ``epochs``, ``iterations_per_epoch``,
    ``validation_iterations_per_epoch``, ``initial_lr``.
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
        super().__init__(plans, configuration, fold, dataset_json, device)
        schedule = self.plans_manager.plans.get(SCHEDULE_KEY, {})
        self.num_epochs = schedule.get("epochs", self.num_epochs)
        self.num_iterations_per_epoch = schedule.get(
            "iterations_per_epoch", self.num_iterations_per_epoch
        )
        self.num_val_iterations_per_epoch = schedule.get(
            "validation_iterations_per_epoch", self.num_val_iterations_per_epoch
        )
        self.initial_lr = schedule.get("initial_lr", self.initial_lr)
        self.save_every = 1  # a killed run loses at most one epoch

    def _cpu_autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.device.type == "cpu" and cpu_prefers_bfloat16():
            return torch.autocast("cpu", torch.bfloat16)
        return contextlib.nullcontext()

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        with self._cpu_autocast():
            return super().train_step(batch)

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        with self._cpu_autocast():
            return super().validation_step(batch)
