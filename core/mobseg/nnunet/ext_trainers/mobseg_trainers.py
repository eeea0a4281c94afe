"""Found by ``nnUNetv2_train`` when ``nnUNet_extTrainer`` names this folder."""

from mobseg.nnunet.finetune_trainer import MobsegFinetuneTrainer
from mobseg.nnunet.trainer import MobsegTrainer

__all__ = ["MobsegFinetuneTrainer", "MobsegTrainer"]
