"""The control of a fitted variance: the same mean, and one variance for all voxels.

What a learned variance is worth beyond its size shows only against a constant one that was fitted alike.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from mobseg.bundle.checkpoint import Checkpoint
from mobseg.bundle.folder import ModelFolder
from mobseg.covariance import HeadSettings
from mobseg.errors import InvalidInput
from mobseg.experiment.derived_model import write_derived_model
from mobseg.network.unet import NETWORK_CLASS_NAME, stochastic_plans

#: Log variance of each of two logits whose difference has variance 1.
_LOG_VARIANCE = math.log(0.5)


def write_constant_model(model: ModelFolder, target: Path) -> None:
    """Write a diagonal model with the mean logits of ``model`` and variance 1 of their difference.

    Args:
        model: a fine-tuned model of any parameterisation.
        target: the folder to make.

    Raises:
        InvalidInput: the model was not fine-tuned.
        OutputError: the folder exists or cannot be written.
    """
    architecture = model.configuration["architecture"]
    if architecture["network_class_name"] != NETWORK_CLASS_NAME:
        raise InvalidInput(
            "A constant variance needs a fine-tuned model; run mobseg finetune first."
        )
    plans = stochastic_plans(model.plans, model.configuration_name, HeadSettings("diagonal"))
    write_derived_model(model, target, plans=plans, change=_constant)


def _constant(checkpoint: Checkpoint) -> Checkpoint:
    return replace(checkpoint, weights=_constant_weights(checkpoint.weights))


def _constant_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights without those of the covariance, and a log variance that no feature changes."""
    mean = {name: tensor for name, tensor in weights.items() if ".mean." in name}
    head = next(iter(mean)).partition("mean.")[0]
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith(head)}
    constant = {
        name.replace(".mean.", ".log_variance."): torch.full_like(
            tensor, _LOG_VARIANCE if name.endswith("bias") else 0.0
        )
        for name, tensor in mean.items()
    }
    return kept | mean | constant
