"""Training losses of the paper (eq. 8 to 12) and two objectives that can reward variance.

``expected_loss`` averages cross-entropy and Dice over samples of the logits (eq. 12). Cross-entropy is
convex in the logits, so this average never falls when the variance grows. ``marginal_nll`` is the
cross-entropy of the predictive probability itself, -log E[p], in closed form, and ``joint_nll`` the
likelihood of the whole label map under correlated samples, as in Stochastic Segmentation Networks
(Monteiro et al., NeurIPS 2020, eq. 5); both fall when variance is put where the mean is wrong.

Notation: B batch, C logit channels, *S spatial shape, n samples. Targets are one-hot (softmax) or
multi-hot (sigmoid regions) and a mask leaves out ignored voxels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from mobseg.covariance.base import LogitDistribution
from mobseg.covariance.basis import BasisLogits, MixtureLogits
from mobseg.covariance.diagonal import DiagonalLogits
from mobseg.covariance.low_rank import LowRankLogits
from mobseg.moments import log_expected_sigmoid, softmax_moments
from mobseg.projections import difference_variance, softmax_factor

Objective = Literal["expected_loss", "marginal_nll", "joint_nll"]
Link = Literal["softmax", "sigmoid"]

#: Smoothing of the soft Dice, as in nnU-Net.
DICE_SMOOTHING = 1e-5

#: Smallest probability inside a logarithm.
SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class LossSettings:
    """Weights of eq. 11 and the choices that the paper leaves open.

    Attributes:
        objective: see the module's docstring.
        samples: k of eq. 12; used by ``expected_loss`` and ``joint_nll``.
        cross_entropy: lambda_CE.
        dice: lambda_dice.
        kl: lambda_KL of eq. 8.
        orthogonality: lambda_orth of eq. 9.
        weight_entropy: lambda_w of eq. 10.
        reverse_kl: KL(N(mu, D) || N(mu, I)) instead of eq. 8 as printed.
        kl_of_deviation: give the KL term sqrt(d) in place of d.
        dice_includes_background: count channel 0 in the Dice of a softmax model.
        batch_dice: one Dice of all images of a batch together.
        sum_samples: add the losses of the samples of ``expected_loss`` instead of averaging them, so that
            the regularisers weigh 1 / k as much.
        row_orthogonality: eq. 9 between the rows of the one basis of Single-Basis, too.
    """

    objective: Objective = "expected_loss"
    samples: int = 5
    cross_entropy: float = 1.0
    dice: float = 1.0
    kl: float = 5e-4
    orthogonality: float = 1.0
    weight_entropy: float = 0.05
    reverse_kl: bool = False
    kl_of_deviation: bool = False
    dice_includes_background: bool = False
    batch_dice: bool = False
    sum_samples: bool = False
    row_orthogonality: bool = False


def segmentation_loss(
    distribution: LogitDistribution,
    target: Tensor,
    link: Link,
    settings: LossSettings,
    *,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """Every term of eq. 11, and their weighted sum under ``"total"``.

    Args:
        distribution: of the logits, (B, C, *S).
        target: (B, C, *S) one-hot for ``softmax``, multi-hot for ``sigmoid``.
        link: how logits become probabilities.
        settings: objective and weights.
        mask: (B, 1, *S) float or bool, zero where the voxel is ignored.
        generator: of the samples.
    """
    target = target.to(distribution.mean.dtype)
    weight = torch.ones_like(target[:, :1]) if mask is None else mask.to(target.dtype)
    likelihood = {
        "expected_loss": _expected_loss,
        "marginal_nll": _marginal_nll,
        "joint_nll": _joint_nll,
    }[settings.objective]
    terms = likelihood(distribution, target, link, settings, weight, generator)
    terms |= regularisers(distribution, weight, settings)
    weights = {
        "cross_entropy": settings.cross_entropy,
        "dice": settings.dice,
        "kl": settings.kl,
        "orthogonality": settings.orthogonality,
        "weight_entropy": settings.weight_entropy,
    }
    total = torch.stack([weights[name] * value for name, value in terms.items()]).sum()
    return terms | {"total": total}


def regularisers(
    distribution: LogitDistribution, weight: Tensor, settings: LossSettings
) -> dict[str, Tensor]:
    """The terms of eq. 8 to 10 that apply to this distribution."""
    terms: dict[str, Tensor] = {}
    if isinstance(distribution, DiagonalLogits | LowRankLogits | BasisLogits):
        variance = distribution.diagonal_variance
        if settings.kl_of_deviation:
            variance = variance.sqrt()
        terms["kl"] = kl_to_unit_variance(variance, weight, reverse=settings.reverse_kl)
    if isinstance(distribution, MixtureLogits):
        if distribution.bases.shape[0] > 1:
            terms["orthogonality"] = orthogonality(distribution.bases)
        terms["weight_entropy"] = negative_weight_entropy(distribution.weights)
    elif isinstance(distribution, BasisLogits) and settings.row_orthogonality:
        terms["orthogonality"] = orthogonality(distribution.cell_basis[0, ..., 0, 0, 0])
    return terms


def kl_to_unit_variance(variance: Tensor, weight: Tensor, *, reverse: bool = False) -> Tensor:
    """Eq. 8, KL(N(mu, I) || N(mu, D)) = (1/d - 1 + ln d) / 2, mean over voxels and classes.

    Args:
        variance: (B, C, *S), d.
        weight: (B, 1, *S) of the voxels.
        reverse: KL(N(mu, D) || N(mu, I)) = (d - 1 - ln d) / 2 instead.
    """
    log_variance = variance.log()
    ratio = variance - log_variance if reverse else variance.reciprocal() + log_variance
    divergence = 0.5 * (ratio - 1.0)
    return _masked_mean(divergence, weight)


def orthogonality(bases: Tensor) -> Tensor:
    """Eq. 9: mean squared cosine between different bases, (M, ...) -> scalar, for M >= 2."""
    unit = torch.nn.functional.normalize(bases.flatten(1), dim=1)
    gram = unit @ unit.T
    count = bases.shape[0]
    identity = torch.eye(count, dtype=gram.dtype, device=gram.device)
    off_diagonal: Tensor = (gram - identity).square().sum() / (count * (count - 1))
    return off_diagonal


def negative_weight_entropy(weights: Tensor) -> Tensor:
    """Eq. 10: mean over cells of sum_i W_i ln W_i, (B, M, P, P, P) -> scalar."""
    entropy: Tensor = torch.special.entr(weights).sum(dim=1)
    return -entropy.mean()


def soft_dice_loss(
    probability: Tensor, target: Tensor, weight: Tensor, *, batch_dice: bool = False
) -> Tensor:
    """1 - mean over batch and classes of the soft Dice, as nnU-Net's.

    Args:
        probability: (B, C, *S).
        target: (B, C, *S).
        weight: (B, 1, *S).
        batch_dice: take the images of the batch as one.
    """
    axes = (*((0,) if batch_dice else ()), *range(2, probability.ndim))
    intersection = (probability * target * weight).sum(axes)
    volumes = ((probability + target) * weight).sum(axes)
    dice = (2.0 * intersection + DICE_SMOOTHING) / (volumes + DICE_SMOOTHING).clamp_min(1e-8)
    return 1.0 - dice.mean()


def _masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean over channels and voxels with weight."""
    count = (weight.sum() * values.shape[1]).clamp_min(1.0)
    return (values * weight).sum() / count


def _cross_entropy_map(logits: Tensor, target: Tensor, link: Link) -> Tensor:
    """(B, C, *S) logits -> (B, 1, *S); sigmoid regions give the mean over regions."""
    if link == "softmax":
        return -(logits.log_softmax(dim=1) * target).sum(dim=1, keepdim=True)
    return binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1, keepdim=True)


def _probabilities(logits: Tensor, link: Link) -> Tensor:
    return logits.softmax(dim=1) if link == "softmax" else logits.sigmoid()


def _dice(
    probability: Tensor, target: Tensor, link: Link, settings: LossSettings, weight: Tensor
) -> Tensor:
    first = 1 if link == "softmax" and not settings.dice_includes_background else 0
    foreground = probability[:, first:], target[:, first:]
    return soft_dice_loss(*foreground, weight, batch_dice=settings.batch_dice)


def _expected_loss(
    distribution: LogitDistribution,
    target: Tensor,
    link: Link,
    settings: LossSettings,
    weight: Tensor,
    generator: torch.Generator | None,
) -> dict[str, Tensor]:
    """Eq. 12: cross-entropy and Dice of each sample, averaged or added."""
    samples = distribution.rsample(settings.samples, generator=generator)
    entropies = [_masked_mean(_cross_entropy_map(eta, target, link), weight) for eta in samples]
    dices = [_dice(_probabilities(eta, link), target, link, settings, weight) for eta in samples]
    reduced = torch.sum if settings.sum_samples else torch.mean
    return {
        "cross_entropy": reduced(torch.stack(entropies)),
        "dice": reduced(torch.stack(dices)),
    }


def _marginal_nll(
    distribution: LogitDistribution,
    target: Tensor,
    link: Link,
    settings: LossSettings,
    weight: Tensor,
    generator: torch.Generator | None,  # noqa: ARG001  one signature for all objectives
) -> dict[str, Tensor]:
    """-log E[p of the true class] and the Dice of E[p], without sampling."""
    mean = distribution.mean
    if link == "softmax" and mean.shape[1] > 2:
        moments = softmax_moments(mean, softmax_factor(distribution.voxel_covariance()))
        log_p = moments.mean.clamp_min(SMALLEST_PROBABILITY).log()
        nll = -(log_p * target).sum(dim=1, keepdim=True)
        dice = _dice(moments.mean, target, link, settings, weight)
        return {"cross_entropy": _masked_mean(nll, weight), "dice": dice}

    if link == "softmax":
        logit, variance = mean[:, 1:] - mean[:, :1], difference_variance(distribution)
        foreground = target[:, 1:]
    else:
        identity = torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
        logit, variance = mean, distribution.projected_variance(identity)
        foreground = target
    log_p = log_expected_sigmoid(logit, variance)
    log_q = log_expected_sigmoid(-logit, variance)
    nll = -(log_p * foreground + log_q * (1.0 - foreground)).mean(dim=1, keepdim=True)
    probability = log_p.exp()
    if link == "softmax":
        probability = torch.cat([log_q.exp(), probability], dim=1)
    dice = _dice(probability, target, link, settings, weight)
    return {"cross_entropy": _masked_mean(nll, weight), "dice": dice}


def _joint_nll(
    distribution: LogitDistribution,
    target: Tensor,
    link: Link,
    settings: LossSettings,
    weight: Tensor,
    generator: torch.Generator | None,
) -> dict[str, Tensor]:
    """-log mean_k prod_n p_kn per image, divided by its voxels, and the Dice of the samples' mean."""
    samples = distribution.rsample(settings.samples, generator=generator)
    log_likelihoods = []
    probability = torch.zeros_like(distribution.mean)
    for eta in samples:
        per_voxel = _cross_entropy_map(eta, target, link) * weight
        log_likelihoods.append(-per_voxel.flatten(1).sum(dim=1))
        probability = probability + _probabilities(eta, link) / settings.samples
    joint = torch.stack(log_likelihoods).logsumexp(dim=0) - math.log(settings.samples)
    voxels = weight.flatten(1).sum(dim=1).clamp_min(1.0)
    dice = _dice(probability, target, link, settings, weight)
    return {"cross_entropy": -(joint / voxels).mean(), "dice": dice}
