"""The variance function in ``plans.json``: what is read back, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mobseg.bundle.fields import Fields
from mobseg.bundle.folder import model_sha256, open_model_folder
from mobseg.bundle.variance_function import VARIANCE_KEY, VarianceFunction
from mobseg.errors import BundleError
from tests.support.model_factory import make_model_folder
from tests.support.stochastic_factory import make_stochastic

FUNCTION = VarianceFunction((0.0, 5.0, 40.0), (12.0, 6.0, 0.5))


def _read(content: dict[str, Any], n_labels: int = 1, mode: str = "softmax"):
    plans = Fields.parse(json.dumps(content).encode(), "plans.json")
    return VarianceFunction.from_plans(plans, n_labels=n_labels, mode=mode)


def test_is_read_back_as_it_was_written() -> None:
    assert _read({VARIANCE_KEY: FUNCTION.to_dict()}) == FUNCTION


def test_older_models_have_none() -> None:
    assert _read({}) is None
    assert _read({}, n_labels=3) is None


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"factors": [12.0, 6.0]},
        {"factors": [12.0, 6.0, 0.0]},
        {"factors": [12.0, "6", 0.5]},
        {"distances_mm": [1.0, 5.0, 40.0]},
        {"distances_mm": [0.0, 5.0, 5.0]},
        {"distances_mm": [0.0], "factors": [1.0]},
        {"distances_mm": 5},
    ],
)
def test_a_damaged_function_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BundleError):
        _read({VARIANCE_KEY: FUNCTION.to_dict() | change})


@pytest.mark.parametrize(("n_labels", "mode"), [(2, "softmax"), (1, "regions")])
def test_only_two_classes_can_have_one(n_labels: int, mode: str) -> None:
    with pytest.raises(BundleError, match="two classes"):
        _read({VARIANCE_KEY: FUNCTION.to_dict()}, n_labels, mode)


def test_it_is_part_of_a_models_identity(tmp_path: Path) -> None:
    folder = make_stochastic(make_model_folder(tmp_path / "model"))
    before = open_model_folder(folder)
    hash_before = model_sha256(before)
    plans = before.plans | {VARIANCE_KEY: FUNCTION.to_dict()}
    (folder / "plans.json").write_text(json.dumps(plans))
    after = open_model_folder(folder)
    assert before.variance_function is None
    assert after.variance_function == FUNCTION
    assert model_sha256(after) != hash_before
