"""Several models as one: nnU-Net's folds, from whatever runs they come."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mobseg.errors import InvalidInput
from mobseg.model import LoadedModel


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
