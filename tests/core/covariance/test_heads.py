"""Heads on real feature maps: gradients, limits and the start of fine-tuning."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mobseg.covariance import PARAMETERISATIONS, HeadSettings, build_head
from mobseg.errors import InvalidInput
from mobseg.losses import LossSettings, Objective, segmentation_loss

FEATURES, CLASSES, SHAPE = 6, 2, (4, 6, 5)
STOCHASTIC = [name for name in PARAMETERISATIONS if name != "deterministic"]


def _head(name: str, **settings: object) -> nn.Module:
    torch.manual_seed(0)
    mean = nn.Conv3d(FEATURES, CLASSES, 1)
    chosen = HeadSettings(name, rank=4, cells=2, **settings)  # type: ignore[arg-type]
    return build_head(chosen, mean, nn.Conv3d, FEATURES, CLASSES)


def _features() -> torch.Tensor:
    return torch.randn(2, FEATURES, *SHAPE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", PARAMETERISATIONS)
def test_a_head_returns_the_mean_unless_asked_for_more(name: str) -> None:
    head, features = _head(name), _features()
    assert torch.equal(head(features), head.mean(features))
    head.returns_distribution = True
    torch.testing.assert_close(head(features).mean, head.mean(features))


@pytest.mark.parametrize("name", STOCHASTIC)
def test_the_initial_variance_is_small(name: str) -> None:
    head = _head(name)
    variance = head.distribution(_features()).voxel_covariance().diagonal(dim1=1, dim2=2)
    assert variance.min() > 0.05
    assert variance.max() < 0.5


@pytest.mark.parametrize("name", PARAMETERISATIONS)
def test_scaling_the_deviation_scales_the_covariance_by_its_square(name: str) -> None:
    head, features = _head(name).eval(), _features()
    before = head.distribution(features)
    # Computed now, because a distribution can be a view of the head's parameters.
    mean, expected = before.mean.clone(), 9 * before.voxel_covariance()
    head.scale_deviation(3.0)
    after = head.distribution(features)
    assert torch.equal(after.mean, mean)
    torch.testing.assert_close(after.voxel_covariance(), expected)


@pytest.mark.parametrize("name", ["deterministic", "diagonal"])
def test_dropout_leaves_out_features_while_training_and_where_asked(name: str) -> None:
    share = 0.25
    head, features = _head(name, dropout=share), _features()
    plain = head.eval()(features)
    assert torch.equal(plain, head.mean(features))
    head.drops_in_inference = True
    torch.manual_seed(0)
    passes = torch.stack([head(features) for _ in range(4000)]).detach()
    # Each feature is kept with 1 - p and then 1 / (1 - p) as large: the mean stays, and the variance is
    # the sum over features of (w f)^2 p / (1 - p).
    weight = head.mean.weight.square().flatten(1)
    variance = torch.einsum("cf,bfzyx->bczyx", weight, features.square()) * share / (1 - share)
    error = (passes.mean(dim=0) - plain).abs() / (variance / 4000).sqrt()
    assert error.max() < 5
    torch.testing.assert_close(passes.var(dim=0), variance.detach(), rtol=0.15, atol=1e-3)
    head.drops_in_inference = False
    assert not torch.equal(head.train()(features), plain)


@pytest.mark.parametrize("objective", ["expected_loss", "marginal_nll", "joint_nll"])
@pytest.mark.parametrize("name", STOCHASTIC)
def test_a_gradient_reaches_every_parameter(name: str, objective: Objective) -> None:
    """mu, D, A, B and W all learn, for every parameterisation and objective."""
    head = _head(name)
    labels = torch.randint(0, CLASSES, (2, *SHAPE), generator=torch.Generator().manual_seed(2))
    target = nn.functional.one_hot(labels, CLASSES).movedim(-1, 1)
    terms = segmentation_loss(
        head.distribution(_features()), target, "softmax", LossSettings(objective=objective)
    )
    terms["total"].backward()
    for parameter_name, parameter in head.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize("selection", ["soft", "straight_through", "gumbel"])
@pytest.mark.parametrize("weight_head", ["convolution", "linear"])
def test_weights_are_a_distribution_over_bases(weight_head: str, selection: str) -> None:
    head = _head("mixture_of_bases", weight_head=weight_head, selection=selection)
    weights = head.weights(_features())
    assert weights.shape == (2, 3, 2, 2, 2)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 2, 2, 2))
    assert (weights >= 0).all()
    hard = selection != "soft"
    assert torch.allclose(weights.max(dim=1).values, torch.ones(())) is hard
    (weights * torch.arange(3.0).view(1, 3, 1, 1, 1)).sum().backward()
    assert head.weights.mix.weight.grad.abs().max() > 0


def test_the_convolution_head_treats_all_cells_alike() -> None:
    """Swapping two cells of the features swaps their weights; the linear head cannot do that."""
    features = _features()
    halves = torch.cat([features[:, :, 2:], features[:, :, :2]], dim=2)
    convolution = _head("mixture_of_bases", weight_head="convolution").weights
    torch.testing.assert_close(convolution(halves), convolution(features).flip(2))
    linear = _head("mixture_of_bases", weight_head="linear").weights
    assert not torch.allclose(linear(halves), linear(features).flip(2))


def test_distributions_stay_in_float32_under_autocast() -> None:
    head = _head("mixture_of_bases")
    head.returns_distribution = True
    with torch.autocast("cpu", torch.bfloat16):
        distribution = head(_features().bfloat16())
    assert distribution.mean.dtype == torch.float32
    assert distribution.scales.dtype == torch.float32


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"parameterisation": "full"}, "choose one of"),
        ({"parameterisation": "diagonal", "rank": 0}, "at least 1"),
        ({"parameterisation": "diagonal", "dropout": 1.0}, "share of dropout"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        HeadSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("thickness", [1, 3, 4, 7])
@pytest.mark.parametrize("name", PARAMETERISATIONS)
def test_slabs_have_the_distribution_of_the_whole(name: str, thickness: int) -> None:
    """The cells of a mixture end after 4 and 7 planes, so slabs of it do, too."""
    head = _head(name).eval()
    features = torch.randn(2, FEATURES, 7, 6, 5, generator=torch.Generator().manual_seed(1))
    head.returns_distribution = True
    whole = head(features)
    slabs = head.by_slabs(features, thickness)
    assert [n for planes in slabs.slabs for n in range(7)[planes]] == list(range(7))
    assert max(planes.stop - planes.start for planes in slabs.slabs) <= thickness
    for planes in slabs.slabs:
        part = slabs.compute(planes)
        torch.testing.assert_close(part.mean, whole.mean[:, :, planes], atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(
            part.voxel_covariance(), whole.voxel_covariance()[..., planes, :, :]
        )


@pytest.mark.parametrize("name", PARAMETERISATIONS)
def test_one_slab_is_the_whole_bit_for_bit(name: str) -> None:
    head, features = _head(name).eval(), _features()
    slabs = head.by_slabs(features, SHAPE[0])
    assert slabs.slabs == [slice(0, SHAPE[0])]
    found, expected = slabs.compute(slabs.slabs[0]), head.distribution(features)
    assert torch.equal(found.mean, expected.mean)
    assert torch.equal(found.voxel_covariance(), expected.voxel_covariance())


def test_slabs_leave_out_the_same_features() -> None:
    head = _head("deterministic", dropout=0.25).eval()
    head.drops_in_inference = True
    features = _features()
    torch.manual_seed(3)
    head.returns_distribution = True
    expected = head(features).mean
    torch.manual_seed(3)
    slabs = head.by_slabs(features, 1)
    found = torch.cat([slabs.compute(planes).mean for planes in slabs.slabs], dim=2)
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, head.eval().mean(features))
