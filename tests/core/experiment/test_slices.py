"""Which cases are drawn, and where their outlines lie."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mobseg.cli.main import main
from mobseg.errors import InvalidInput
from mobseg.experiment.slices import PicturedCase, choose_cases, draw_slices
from mobseg.volume import ScalarVolume
from tests.core.metrics.cases import GEOMETRY, GLAND, LUMP, SHAPE, prediction_of
from tests.support.model_factory import make_model_folder


def _measured(**dice: float | None) -> dict:
    return {"cases": {name: {"dice": value} for name, value in dice.items()}}


def test_the_worst_case_and_the_largest_gain_are_chosen() -> None:
    model = _measured(a=0.9, b=0.4, c=0.6, lost=0.0, empty=None)
    base = _measured(a=0.8, b=0.5, c=0.3, lost=0.7, empty=None)
    assert choose_cases(model, base) == {"failure": "b", "correction": "c"}


def test_where_the_base_found_nothing_there_is_nothing_to_compare() -> None:
    model, base = _measured(a=0.9, b=0.5), _measured(a=0.8, b=0.0)
    assert choose_cases(model, base) == {"failure": "a", "correction": "a"}
    with pytest.raises(InvalidInput, match="no case of which both"):
        choose_cases(_measured(a=0.0), _measured(a=0.5))


def test_outlines_lie_where_the_masks_do() -> None:
    """The gland is 9 mm around (18, 14) mm; the lump, which only the reference has, is beside it."""
    maps = prediction_of(np.where(GLAND, 0.9, 0.1)[None], np.where(GLAND, 0.0, 0.04)[None])
    volume = ScalarVolume(np.full(SHAPE, 40, dtype=np.float32), GEOMETRY)
    case = PicturedCase("failure", volume, [GLAND | LUMP], maps, GLAND)
    figure = draw_slices([case], (-160, 240))
    outlines, mean, variance = figure.axes[:3]
    reference, base, model = (
        np.concatenate(drawn.get_paths()[0].vertices[None]) for drawn in outlines.collections
    )
    # RAS is drawn with the patient's right and front at the left and top, so coordinates are negated.
    np.testing.assert_allclose(-model[:, 0].min(), 14 + 9, atol=1)
    np.testing.assert_allclose(-model[:, 0].max(), 14 - 9, atol=1)
    np.testing.assert_allclose(-model[:, 1].mean(), 18, atol=1)
    np.testing.assert_allclose(model, base)
    np.testing.assert_allclose(-reference[:, 0].min(), 24 + 5, atol=1)
    assert mean.images[1].get_array().max() == pytest.approx(0.9, abs=1e-5)
    assert variance.images[1].get_array().max() == pytest.approx(0.04, abs=1e-5)
    # Inside the gland, where the variance is zero, nothing is painted.
    assert np.ma.getmaskarray(variance.images[1].get_array()).any()


def test_the_command_draws_two_cases(
    data: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = ["--images", str(data / "images"), "--labels", str(data / "labels"), "--device", "cpu"]
    base = make_model_folder(tmp_path / "base")
    names = {"model": _measured(case0=0.5, case1=0.9), "base": _measured(case0=0.5, case1=0.6)}
    for name, content in names.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    measured = ["--measured", *(str(tmp_path / f"{name}.json") for name in names)]
    target = tmp_path / "slices.png"
    raters = ["--raters", str(data / "raters")]
    command = ["slices", str(model_folder), str(base), *measured, *cases, *raters]
    assert main([*command, "-o", str(target)]) == 0
    printed = capsys.readouterr().out
    assert "failure: case0" in printed
    assert "correction: case1" in printed
    assert target.read_bytes().startswith(b"\x89PNG")

    (tmp_path / "base.json").write_text("[]")
    assert main([*command, "-o", str(target)]) == 3
    assert "holds no figures of cases" in capsys.readouterr().err
