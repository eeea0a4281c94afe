"""Fine-tuning of a stochastic network from a converged base model (sections 3.1 and 4 of the paper)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from torch import Tensor
from torch.nn.functional import one_hot
from torch.optim import AdamW
from torch.optim.lr_scheduler import LRScheduler

from mobseg.bundle.checkpoint import read_checkpoint
from mobseg.errors import BundleError
from mobseg.losses import Link, segmentation_loss
from mobseg.network.unet import StochasticResidualEncoderUNet, weights_from_base
from mobseg.nnunet.settings import FinetuneSettings
from mobseg.nnunet.trainer import MobsegTrainer, backbone_autocast


class MobsegFinetuneTrainer(MobsegTrainer):
    """AdamW at a constant rate, no deep supervision, loss of eq. 11 on the predicted distribution."""

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008  nnU-Net reads the signature
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.settings = FinetuneSettings.from_plans(self.plans_manager.plans)
        self.weight_decay = self.settings.weight_decay
        self.enable_deep_supervision = False

    def initialize(self) -> None:
        """Build the network and give it the base model's weights.

        Raises:
            BundleError: the base model's weights do not fit the plans.
        """
        super().initialize()
        base = read_checkpoint(Path(self.settings.base_checkpoint)).weights
        network: StochasticResidualEncoderUNet = self.network
        try:
            weights_from_base(base, network)
        except RuntimeError as error:
            raise BundleError(
                f"The base model does not fit these plans ({error}); train the base with the same plans."
            ) from error

    def configure_optimizers(self) -> tuple[AdamW, LRScheduler]:
        """AdamW on all weights at a constant rate."""
        optimizer = AdamW(
            self.network.parameters(), lr=self.initial_lr, weight_decay=self.weight_decay
        )
        constant = PolyLRScheduler(optimizer, self.initial_lr, self.num_epochs, exponent=0.0)
        return optimizer, constant

    def on_train_end(self) -> None:
        """Make the epoch that the settings ask for the final model."""
        super().on_train_end()
        if self.settings.keep == "last":
            return
        best, final = (
            Path(self.output_folder) / f"checkpoint_{name}.pth" for name in ("best", "final")
        )
        partial = final.with_suffix(".partial")
        shutil.copyfile(best, partial)
        partial.replace(final)

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """One optimiser step on the distribution of the logits."""
        self._report_step()
        data = batch["data"].to(self.device, non_blocking=True)
        target, mask = self._split_target(batch["target"].to(self.device, non_blocking=True))
        self.optimizer.zero_grad(set_to_none=True)
        with backbone_autocast(self.device):
            distribution = self.network.distribution(data)
        link: Link = "sigmoid" if self.label_manager.has_regions else "softmax"
        terms = segmentation_loss(distribution, target, link, self.settings.loss, mask=mask)
        self._step(terms["total"])
        return {"loss": terms["total"].detach().cpu().numpy()}

    def _step(self, loss: Tensor) -> None:
        if self.grad_scaler is None:
            loss.backward()  # type: ignore[no-untyped-call]
            self._clip_gradient()
            self.optimizer.step()
            return
        self.grad_scaler.scale(loss).backward()
        self.grad_scaler.unscale_(self.optimizer)
        self._clip_gradient()
        self.grad_scaler.step(self.optimizer)
        self.grad_scaler.update()

    def _clip_gradient(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)

    def _split_target(self, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """nnU-Net's target -> (B, C, *S) one- or multi-hot, and the mask of voxels that count."""
        if self.label_manager.has_regions:
            if not self.label_manager.has_ignore_label:
                return target, None
            return target[:, :-1], target[:, -1:] == 0
        labels = target[:, 0].long()
        mask = None
        if self.label_manager.has_ignore_label:
            mask = (labels != self.label_manager.ignore_label)[:, None]
            labels = labels * mask[:, 0]
        classes = self.label_manager.num_segmentation_heads
        return one_hot(labels, classes).movedim(-1, 1), mask

    def _do_i_compile(self) -> bool:
        """The head returns a distribution object, which does not compile."""
        return False
