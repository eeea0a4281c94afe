from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mobseg.bundle.fields import Fields
from mobseg.bundle.plans import checked_configuration
from mobseg.errors import BundleError
from tests.support.model_factory import CONFIGURATION, plans_json

Change = Callable[[dict[str, Any], dict[str, Any]], Any]


def make_plans(**changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "spacing": (1.5, 1.5, 1.5),
        "patch": (32, 32, 32),
        "features": (4, 8, 16),
        "normalization": "CTNormalization",
        "transpose": (0, 1, 2),
    }
    return plans_json(**{**arguments, **changes})


def check(plans: dict[str, Any], name: str = CONFIGURATION) -> dict[str, Any]:
    return checked_configuration(Fields(plans, "plans.json"), name)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"transpose": (2, 0, 1)},
        {"normalization": "ZScoreNormalization"},
        {"normalization": "RescaleTo01Normalization"},
        {"normalization": "NoNormalization"},
    ],
)
def test_sound_plans_pass(changes: dict[str, Any]) -> None:
    assert check(make_plans(**changes))["patch_size"] == [32, 32, 32]


def test_a_configuration_inherits_what_it_does_not_change() -> None:
    plans = make_plans()
    child = {"inherits_from": CONFIGURATION, "patch_size": [64, 64, 64]}
    plans["configurations"]["3d_large"] = child
    configuration = check(plans, "3d_large")
    assert configuration["patch_size"] == [64, 64, 64]
    assert configuration["spacing"] == [1.5, 1.5, 1.5]


def test_inheritance_in_a_circle_is_refused() -> None:
    plans = make_plans()
    plans["configurations"][CONFIGURATION]["inherits_from"] = CONFIGURATION
    with pytest.raises(BundleError, match="circle"):
        check(plans)


@pytest.mark.parametrize(
    "key",
    [
        "patch_size",
        "spacing",
        "normalization_schemes",
        "use_mask_for_norm",
        "resampling_fn_data",
        "resampling_fn_probabilities_kwargs",
        "preprocessor_name",
        "architecture",
    ],
)
def test_a_missing_key_of_the_configuration_is_named(key: str) -> None:
    plans = make_plans()
    del plans["configurations"][CONFIGURATION][key]
    with pytest.raises(BundleError, match=f'no key "{key}"'):
        check(plans)


@pytest.mark.parametrize("key", ["configurations", "transpose_forward", "transpose_backward"])
def test_a_missing_key_of_the_plans_is_named(key: str) -> None:
    plans = make_plans()
    del plans[key]
    with pytest.raises(BundleError, match=f'no key "{key}"'):
        check(plans)


REFUSED: dict[str, tuple[Change, str]] = {
    "2d": (lambda p, c: c.update(patch_size=[64, 64]), "2D configuration"),
    "cascade": (lambda p, c: c.update(previous_stage="3d_lowres"), "cascade"),
    "patch": (lambda p, c: c.update(patch_size=[0, 32, 32]), "three positive whole numbers"),
    "spacing": (lambda p, c: c.update(spacing=[1, 1, -1]), "three positive numbers"),
    "channels": (lambda p, c: c.update(normalization_schemes=["CTNormalization"] * 2), "one name"),
    "normalisation": (
        lambda p, c: c.update(normalization_schemes=["RGBTo01Normalization"]),
        '"RGBTo01Normalization", which is not supported; use a model with CTNormalization',
    ),
    "mask": (
        lambda p, c: c.update(
            normalization_schemes=["ZScoreNormalization"], use_mask_for_norm=[True]
        ),
        "mask of non-zero voxels",
    ),
    "resampling": (
        lambda p, c: c.update(resampling_fn_data="no_resampling_hack"),
        '"no_resampling_hack", which is not supported',
    ),
    "probabilities": (
        lambda p, c: c.update(resampling_fn_probabilities="resample_torch_simple"),
        '"resample_torch_simple", which is not supported',
    ),
    "preprocessor": (lambda p, c: c.update(preprocessor_name="Mine"), '"Mine"'),
    "transpose": (lambda p, c: p.update(transpose_forward=[0, 0, 1]), "order of the axes"),
    "inverse": (lambda p, c: p.update(transpose_forward=[2, 0, 1]), "inverse"),
    "intensities": (
        lambda p, c: p.update(foreground_intensity_properties_per_channel={}),
        'no key "0"',
    ),
    "deviation": (
        lambda p, c: p["foreground_intensity_properties_per_channel"]["0"].update(std=0),
        "standard deviation must be positive",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_models_are_refused_with_the_reason(case: str) -> None:
    change, message = REFUSED[case]
    plans = make_plans()
    change(plans, plans["configurations"][CONFIGURATION])
    with pytest.raises(BundleError, match=message):
        check(plans)


@pytest.mark.parametrize("key", ["network_class_name", "arch_kwargs", "_kw_requires_import"])
def test_a_missing_key_of_the_architecture_is_named(key: str) -> None:
    plans = make_plans()
    del plans["configurations"][CONFIGURATION]["architecture"][key]
    with pytest.raises(BundleError, match=f'no key "{key}"'):
        check(plans)


def test_the_older_name_of_the_intensities_is_known() -> None:
    plans = make_plans()
    intensities = plans.pop("foreground_intensity_properties_per_channel")
    check({**plans, "foreground_intensity_properties_by_modality": intensities})
