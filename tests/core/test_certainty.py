from __future__ import annotations

import pytest
import torch

from mobseg.certainty import IN_DOUBT, SATURATION, certain_class
from mobseg.covariance.basis_form import BasisForm
from mobseg.covariance.form import CovarianceForm, NoCovariance, PairForm

NOTHING = NoCovariance(3)
BASES = BasisForm([0.1 * torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1))])


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None]


@pytest.mark.parametrize(
    ("mean", "model", "disagreement", "expected"),
    [
        (16.1, 0.0, 0.0, 2),
        (-16.1, 0.0, 0.0, 1),
        (15.9, 0.0, 0.0, IN_DOUBT),
        (20.0, 4.0, 3.9, 2),
        (20.0, 4.0, 4.1, IN_DOUBT),
        (-20.0, 0.0, 8.1, IN_DOUBT),
    ],
)
def test_one_logit(mean: float, model: float, disagreement: float, expected: int) -> None:
    found = certain_class(column(mean), column(model), column(disagreement), "difference")
    assert found.tolist() == [expected]


def test_the_largest_of_several_logits_decides_by_its_margin() -> None:
    zeros, no_model = torch.zeros(3, 1), torch.zeros(0, 1)
    sure, close = column(-20.0, 20.0, 0.0), column(-20.0, 20.0, 5.0)

    def found(*moments: torch.Tensor, form: CovarianceForm = NOTHING) -> list[int]:
        return certain_class(*moments, "centred", form).tolist()

    assert found(sure, no_model, zeros) == [2]
    assert found(close, no_model, zeros) == [IN_DOUBT]
    # A pair's variance is that of its difference: the two largest disagreements, or the model's largest.
    assert found(sure, no_model, column(4.0, 1.0, 3.9)) == [2]
    assert found(sure, no_model, column(4.0, 1.0, 4.1)) == [IN_DOUBT]
    assert found(sure, column(1.0, 8.1, 1.0), zeros, form=PairForm(3)) == [IN_DOUBT]


def test_regions() -> None:
    mean = torch.tensor([[-20.0, 20.0, -20.0, 20.0, 20.0], [-20.0, -20.0, 20.0, 20.0, 3.0]])
    found = certain_class(mean, torch.zeros(0, 5), torch.zeros(2, 5), "regions")
    # Nothing, the first, the second, both (which no single label implies), and one in doubt.
    assert found.tolist() == [1, 2, 3, IN_DOUBT, IN_DOUBT]


@pytest.mark.parametrize(
    ("coordinates", "channels", "form"),
    [("difference", 1, None), ("centred", 5, PairForm(5)), ("centred", 5, BASES)],
)
def test_what_lies_between_voxels_of_one_certain_class_has_it(
    coordinates: str, channels: int, form: CovarianceForm | None
) -> None:
    """The claim that makes it unnecessary to interpolate the moments there."""
    variances = form.channels if form else 1
    generator = torch.Generator().manual_seed(0)

    def random(size: int, scale: float) -> torch.Tensor:
        return scale * torch.randn(size, 200_000, generator=generator)

    base = random(channels, 30)
    first, second = (
        (base + random(channels, 5), random(variances, 3).square(), random(channels, 2).square())
        for _ in range(2)
    )
    share = torch.rand(200_000, generator=generator)
    between = [torch.lerp(a, b, share) for a, b in zip(first, second, strict=True)]
    ends = [certain_class(*moments, coordinates, form) for moments in (first, second)]
    same = (ends[0] == ends[1]) & (ends[0] != IN_DOUBT)
    assert 0.02 < same.float().mean() < 0.9
    assert torch.equal(certain_class(*between, coordinates, form)[same], ends[0][same])


def test_many_classes_are_numbered() -> None:
    mean = torch.zeros(400, 1)
    mean[399] = 2 * SATURATION
    found = certain_class(
        mean, torch.zeros(0, 1), torch.zeros(400, 1), "centred", NoCovariance(400)
    )
    assert found.tolist() == [400]
