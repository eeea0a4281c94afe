"""Every choice of the released code against a value that was computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from mobseg.covariance import HeadSettings, build_head
from mobseg.covariance.basis import BasisLogits
from mobseg.covariance.deterministic import DeterministicLogits
from mobseg.covariance.diagonal import DiagonalLogits
from mobseg.fidelity import released_head, released_loss
from mobseg.losses import LossSettings, segmentation_loss

SHAPE = (1, 1, 2)

#: Foreground probability of the first voxel of the first image; the others are sure and right.
DOUBT = 0.25


def _two_images() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and one-hot targets: image 0 is foreground, background; image 1 foreground twice."""
    logits = torch.zeros(2, 2, *SHAPE, dtype=torch.float64)
    logits[:, 1] = torch.tensor([[math.log(DOUBT / (1 - DOUBT)), -40.0], [40.0, 40.0]])[
        :, None, None
    ]
    foreground = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).reshape(2, 1, *SHAPE).double()
    return logits, torch.cat([1 - foreground, foreground], dim=1)


def _dice(intersection: float, first: float, second: float) -> float:
    return 2 * intersection / (first + second)


def test_losses_of_samples_are_added_and_regularisers_count_once() -> None:
    logits, target = _two_images()
    settings = released_loss(5)
    terms = segmentation_loss(DeterministicLogits(logits), target, "softmax", settings)
    assert terms["cross_entropy"] == pytest.approx(5 * -math.log(DOUBT) / 4)

    variance = torch.full_like(logits, math.exp(-2))
    terms = segmentation_loss(DiagonalLogits(logits, variance), target, "softmax", settings)
    # KL(N(mu, D) || N(mu, I)) with the deviation e^-1 where the variance belongs.
    kl = 0.5 * (math.exp(-1) - 1 + 1)
    assert terms["kl"] == pytest.approx(kl)
    expected = terms["cross_entropy"] + terms["dice"] + 1e-4 * kl
    torch.testing.assert_close(terms["total"], expected)


def test_dice_has_background_and_takes_the_batch_as_one_image() -> None:
    logits, target = _two_images()
    terms = segmentation_loss(DeterministicLogits(logits), target, "softmax", released_loss(1))
    foreground = _dice(DOUBT + 2, DOUBT + 2, 3)
    background = _dice(1, 1 - DOUBT + 1, 1)
    assert terms["dice"] == pytest.approx(1 - (foreground + background) / 2, abs=1e-5)

    ours = segmentation_loss(DeterministicLogits(logits), target, "softmax", LossSettings())
    assert ours["dice"] == pytest.approx(1 - (_dice(DOUBT, DOUBT, 1) + 1) / 2, abs=1e-5)


def test_the_rows_of_a_single_basis_shall_be_orthogonal() -> None:
    logits, target = _two_images()
    basis = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).double().expand(2, 2, 2)[..., None, None, None]
    distribution = BasisLogits(logits, torch.ones_like(logits), torch.ones_like(logits), basis)
    terms = segmentation_loss(distribution, target, "softmax", released_loss(5))
    # Two rows at 45 degrees: the squared cosine is 1 / 2.
    assert terms["orthogonality"] == pytest.approx(0.5)
    assert "orthogonality" not in segmentation_loss(distribution, target, "softmax", LossSettings())


@pytest.mark.parametrize(
    ("parameterisation", "basis", "deviation"),
    [("single_basis", "basis", 0.02), ("mixture_of_bases", "bases", 1.0)],
)
def test_heads_start_as_released(parameterisation: str, basis: str, deviation: float) -> None:
    torch.manual_seed(0)
    features, classes = 16, 2
    mean = torch.nn.Conv3d(features, classes, 1)
    before = mean.weight.clone()
    settings = released_head(HeadSettings(parameterisation, rank=256))
    assert settings.rank == 256
    head = build_head(settings, mean, torch.nn.Conv3d, features, classes)
    assert torch.equal(head.mean.weight, before)
    assert head.get_parameter(basis).std().item() == pytest.approx(deviation, rel=0.1)
    # PyTorch's start of a layer: uniform within 1 / sqrt(features), so log d is near 0 and not near -2.
    bound = 1 / math.sqrt(features)
    for layer in (head.log_variance, head.scales):
        assert layer.bias.abs().max() <= bound
        assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.25)


def test_weights_of_all_cells_pass_one_linear_layer() -> None:
    settings = released_head(HeadSettings("mixture_of_bases", selection="gumbel"))
    assert (settings.weight_head, settings.selection) == ("linear", "soft")
    mean = torch.nn.Conv3d(4, 2, 1)
    head = build_head(settings, mean, torch.nn.Conv3d, 4, 2)
    assert head.weights.mix.weight.shape == (3 * 4**3, 3 * 4**3)
