"""Several passes as one model: nnU-Net's folds, from whatever runs they come, or passes with dropout."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence

from mobseg.errors import InvalidInput
from mobseg.model import LoadedModel
from mobseg.network.unet import StochasticResidualEncoderUNet


def as_ensemble(models: Sequence[LoadedModel]) -> LoadedModel:
    """One model whose passes are those of all models, with the plans of the first.

    The mean of the members' logit variances is the model's variance, and what their mean logits differ by
    is its disagreement, as for the folds of one training.

    Raises:
        InvalidInput: the members do not prepare their images alike, have other labels or another
            variance function.
    """
    first = models[0]
    for other in models[1:]:
        if other.plan != first.plan or other.labels != first.labels:
            raise InvalidInput(
                "The models of an ensemble must share their plans and labels; measure these apart."
            )
        if other.variance_function != first.variance_function:
            raise InvalidInput(
                "The models of an ensemble must share their variance function; use the models as they "
                "were trained."
            )
    networks = tuple(network for model in models for network in model.networks)
    return dataclasses.replace(first, networks=networks)


def with_dropout(model: LoadedModel, passes: int) -> LoadedModel:
    """The same model, run several times with other features left out each time (Monte Carlo dropout).

    What the passes differ by is the model's disagreement, as for the members of an ensemble. The features left
    out come from PyTorch's global generator.

    Args:
        model: a model that was fine-tuned with dropout.
        passes: over every window.

    Raises:
        InvalidInput: the model was not trained with dropout.
    """
    networks = []
    for network in model.networks:
        dropping = copy.deepcopy(network)
        if not isinstance(dropping, StochasticResidualEncoderUNet) or not dropping.head.dropout:
            raise InvalidInput(
                "Passes with dropout need a model that was fine-tuned with it (mobseg finetune --dropout)."
            )
        dropping.head.drops_in_inference = True
        networks += [dropping] * passes
    return dataclasses.replace(model, networks=tuple(networks))
