"""Many classes in tiles and slabs: whole planes bit for bit, in less memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mobseg.covariance.form import PairForm
from mobseg.errors import Cancelled
from mobseg.inference import stitching
from mobseg.inference.accumulator import MomentAccumulator, StitchedMoments
from mobseg.inference.sliding_window import MomentFn, predict_moments
from mobseg.inference.windows import Window, in_window
from tests.core.inference.test_sliding_window import Moments, RecordingProgress, image
from tests.support.computed_moments import computed


def classes_fn(classes: int, thickness: int | None) -> MomentFn:
    """Means and pair variances of some classes, which depend on the whole window."""
    scales = torch.linspace(-2.0, 2.0, classes).view(1, -1, 1, 1, 1)
    pairs = torch.linspace(0.1, 3.0, classes * (classes - 1) // 2).view(1, -1, 1, 1, 1)

    def moments(x: Tensor) -> Moments:
        context = x.mean(dim=(2, 3, 4), keepdim=True)
        return computed(scales * x + context, pairs * x.square(), thickness=thickness)

    return moments


@pytest.mark.parametrize(
    ("shape", "step", "mirror_axes"),
    [
        ((13, 17, 9), 0.5, ()),
        ((11, 10, 9), 0.3, (0,)),
        ((16, 11, 8), 1.0, (1, 2)),
        ((8, 8, 8), 0.5, (0,)),
        ((5, 12, 9), 0.5, ()),
    ],
)
@pytest.mark.parametrize("classes", [3, 25])
def test_tiles_and_slabs_equal_whole_planes(monkeypatch, shape, step, mirror_axes, classes):
    data = image(shape)
    keywords = {"step": step, "mirror_axes": mirror_axes, "form": PairForm(classes)}
    fns = [classes_fn(classes, None)]
    whole = predict_moments(data, fns, (8, 8, 8), **keywords).moments
    monkeypatch.setattr(stitching, "_WHOLE_VALUES", 0)
    found = StitchedMoments(
        torch.full_like(whole.mean, torch.nan),
        torch.full_like(whole.model_variance, torch.nan),
        torch.full_like(whole.disagreement_variance, torch.nan),
    )
    names = ("mean", "model_variance", "disagreement_variance")

    def put(box: Window, tile: StitchedMoments) -> None:
        for name in names:
            target = in_window(getattr(found, name), box)
            assert target.isnan().all()
            target.copy_(getattr(tile, name))

    fns = [classes_fn(classes, 3)]
    predict_moments(data, fns, (8, 8, 8), **keywords, consume=put)
    for name in names:
        assert torch.equal(getattr(found, name), getattr(whole, name)), name


def test_fewer_tiles_than_those_of_two_rows_of_windows_exist(monkeypatch):
    """Windows of half the width: 21 of the 32 tiles that a row of windows touches exist at once."""
    monkeypatch.setattr(stitching, "_WHOLE_VALUES", 0)
    alive = most = 0

    class Counted(MomentAccumulator):
        def __init__(self, *arguments: object) -> None:
            nonlocal alive, most
            super().__init__(*arguments)
            assert self._total_weight.shape == (4, 4, 4)
            alive += 1
            most = max(most, alive)

        def finish(self) -> StitchedMoments:
            nonlocal alive
            alive -= 1
            return super().finish()

    monkeypatch.setattr(stitching, "MomentAccumulator", Counted)
    predict_moments(
        image((32, 16, 16)),
        [classes_fn(3, 2)],
        (8, 8, 8),
        form=PairForm(3),
        consume=lambda _box, _moments: None,
    )
    assert alive == 0
    assert most == 21


def test_a_run_that_is_cancelled_has_handed_on_whole_tiles_only(monkeypatch):
    monkeypatch.setattr(stitching, "_WHOLE_VALUES", 0)
    data, form = image((16, 16, 16)), PairForm(3)
    whole = predict_moments(data, [classes_fn(3, None)], (8, 8, 8), form=form).moments
    boxes = []

    def check(box: Window, tile: StitchedMoments) -> None:
        boxes.append(box)
        assert torch.equal(tile.mean, in_window(whole.mean, box))

    with pytest.raises(Cancelled):
        predict_moments(
            data,
            [classes_fn(3, 2)],
            (8, 8, 8),
            form=form,
            consume=check,
            progress=RecordingProgress(cancel_at=4),
        )
    # Of the first row, one window finishes one tile, the third two.
    assert len(boxes) == 5
