"""Losses against nnU-Net's, torch.distributions, hand-computed values and their limits."""

from __future__ import annotations

import math

import pytest
import torch
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from torch import nn
from torch.distributions import Normal, kl_divergence

from mobseg.covariance.deterministic import DeterministicLogits
from mobseg.covariance.diagonal import DiagonalLogits
from mobseg.losses import (
    LossSettings,
    Objective,
    kl_to_unit_variance,
    negative_weight_entropy,
    orthogonality,
    segmentation_loss,
    soft_dice_loss,
)

SHAPE = (3, 4, 5)


def _labels(classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.randint(0, classes, (2, *SHAPE), generator=torch.Generator().manual_seed(0))
    return labels, nn.functional.one_hot(labels, classes).movedim(-1, 1).double()


def _logits(classes: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return 2.0 * torch.randn(2, classes, *SHAPE, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("objective", ["expected_loss", "marginal_nll"])
def test_zero_variance_gives_plain_cross_entropy(classes: int, objective: Objective) -> None:
    labels, target = _labels(classes)
    logits = _logits(classes)
    distribution = DiagonalLogits(logits, torch.full_like(logits, 1e-12))
    terms = segmentation_loss(distribution, target, "softmax", LossSettings(objective))
    expected = nn.functional.cross_entropy(logits, labels)
    torch.testing.assert_close(terms["cross_entropy"], expected, rtol=1e-4, atol=1e-5)


def test_dice_equals_nnunets() -> None:
    labels, target = _labels(3)
    probability = _logits(3).softmax(1)
    mask = torch.rand(2, 1, *SHAPE, generator=torch.Generator().manual_seed(2)) > 0.3
    theirs = MemoryEfficientSoftDiceLoss(
        apply_nonlin=None, batch_dice=False, do_bg=False, smooth=1e-5, ddp=False
    )(probability, labels[:, None], mask)
    ours = soft_dice_loss(probability[:, 1:], target[:, 1:], mask.double())
    torch.testing.assert_close(ours.float(), 1.0 + theirs)


def test_expected_cross_entropy_grows_with_the_variance_where_the_marginal_one_falls() -> None:
    """A wrong voxel (margin -6): eq. 12 punishes doubt, -log E[p] rewards it (docs/method.md)."""
    logits = torch.tensor([3.0, -3.0], dtype=torch.float64).view(1, 2, 1, 1, 1)
    target = torch.tensor([0.0, 1.0], dtype=torch.float64).view(1, 2, 1, 1, 1)
    generator = torch.Generator().manual_seed(0)

    def cross_entropy(objective: Objective, deviation: float) -> float:
        variance = torch.full_like(logits, 0.5 * deviation**2)
        settings = LossSettings(objective, samples=40_000)
        terms = segmentation_loss(
            DiagonalLogits(logits, variance), target, "softmax", settings, generator=generator
        )
        return float(terms["cross_entropy"])

    assert cross_entropy("expected_loss", 1e-3) == pytest.approx(6.0025, abs=2e-3)
    assert cross_entropy("expected_loss", 4.0) == pytest.approx(6.17, abs=0.06)
    assert cross_entropy("marginal_nll", 1e-3) == pytest.approx(6.0025, abs=2e-3)
    assert cross_entropy("marginal_nll", 4.0) == pytest.approx(2.46, abs=0.01)


def test_marginal_nll_is_the_limit_of_sampling_for_independent_voxels() -> None:
    _, target = _labels(2)
    distribution = DiagonalLogits(_logits(2), torch.full((2, 2, *SHAPE), 1.3).double())
    samples = distribution.rsample(20_000, generator=torch.Generator().manual_seed(0))
    p_true = (samples.softmax(2).mean(0) * target).sum(1)
    terms = segmentation_loss(distribution, target, "softmax", LossSettings("marginal_nll"))
    assert float(terms["cross_entropy"]) == pytest.approx(float(-p_true.log().mean()), abs=2e-3)


def test_joint_nll_of_one_voxel_is_its_marginal_nll() -> None:
    logits = torch.tensor([0.4, -0.3], dtype=torch.float64).view(1, 2, 1, 1, 1)
    target = torch.tensor([0.0, 1.0], dtype=torch.float64).view(1, 2, 1, 1, 1)
    distribution = DiagonalLogits(logits, torch.ones_like(logits))
    joint, marginal = (
        segmentation_loss(
            distribution,
            target,
            "softmax",
            LossSettings(objective, samples=100_000),
            generator=torch.Generator().manual_seed(0),
        )["cross_entropy"]
        for objective in ("joint_nll", "marginal_nll")
    )
    assert float(joint) == pytest.approx(float(marginal), abs=5e-3)


def test_sigmoid_regions_are_independent_binary_problems() -> None:
    logits = _logits(3)
    target = (_logits(3) > 0).double()
    terms = segmentation_loss(
        DeterministicLogits(logits), target, "sigmoid", LossSettings("marginal_nll")
    )
    expected = nn.functional.binary_cross_entropy_with_logits(logits, target)
    torch.testing.assert_close(terms["cross_entropy"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("objective", ["expected_loss", "marginal_nll", "joint_nll"])
def test_ignored_voxels_do_not_matter(objective: Objective) -> None:
    """Neither their logits, nor their variance, nor their label changes any term."""
    _, target = _labels(2)
    logits = _logits(2)
    mask = torch.ones(2, 1, *SHAPE)
    mask[:, :, 0] = 0
    other_logits, other_target, variance = logits.clone(), target.clone(), torch.ones_like(logits)
    other_logits[:, :, 0] += 5.0
    other_target[:, :, 0] = target[:, :, 0].flip(1)
    other_variance = variance.clone()
    other_variance[:, :, 0] = 3.0
    settings = LossSettings(objective)
    first, second = (
        segmentation_loss(
            DiagonalLogits(a, v),
            t,
            "softmax",
            settings,
            mask=mask,
            generator=torch.Generator().manual_seed(0),
        )
        for a, v, t in ((logits, variance, target), (other_logits, other_variance, other_target))
    )
    for name in first:
        torch.testing.assert_close(first[name], second[name])


@pytest.mark.parametrize("reverse", [False, True])
def test_kl_equals_torch_distributions(reverse: bool) -> None:
    variance = torch.rand(1, 2, *SHAPE, dtype=torch.float64) + 0.2
    unit = Normal(torch.zeros_like(variance), torch.ones_like(variance))
    predicted = Normal(torch.zeros_like(variance), variance.sqrt())
    pair = (predicted, unit) if reverse else (unit, predicted)
    value = kl_to_unit_variance(variance, torch.ones(1, 1, *SHAPE).double(), reverse=reverse)
    torch.testing.assert_close(value, kl_divergence(*pair).mean())


def test_orthogonality_by_hand() -> None:
    bases = torch.zeros(2, 2, 2)
    bases[0, 0, 0] = 3.0
    bases[1, 1, 1] = 0.5
    assert orthogonality(bases) == 0.0
    bases[1] = 7.0 * bases[0]
    assert orthogonality(bases) == pytest.approx(1.0)


def test_weight_term_prefers_even_weights() -> None:
    even = torch.full((1, 3, 2, 2, 2), 1.0 / 3.0)
    one_hot = torch.zeros(1, 3, 2, 2, 2)
    one_hot[:, 0] = 1.0
    assert negative_weight_entropy(even) == pytest.approx(-math.log(3.0))
    assert negative_weight_entropy(one_hot) == 0.0


def test_total_is_the_weighted_sum_of_eq_11() -> None:
    _, target = _labels(2)
    settings = LossSettings("marginal_nll", cross_entropy=2.0, dice=0.5, kl=0.1)
    terms = segmentation_loss(
        DiagonalLogits(_logits(2), torch.full((2, 2, *SHAPE), 0.5).double()),
        target,
        "softmax",
        settings,
    )
    expected = 2.0 * terms["cross_entropy"] + 0.5 * terms["dice"] + 0.1 * terms["kl"]
    torch.testing.assert_close(terms["total"], expected)
