"""Plans are read as nnU-Net reads them, and what is not supported is refused in words."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from mobseg.errors import BundleError
from mobseg.inference.plan import InferencePlan, IntensityStatistics, Resampling
from tests.support.model_factory import CONFIGURATION, dataset_json, plans_json


def make_plans() -> dict[str, Any]:
    return plans_json((3.0, 1.5, 2.0), (32, 48, 64), (4, 8), "CTNormalization", (1, 2, 0))


def test_reads_every_field():
    plan = InferencePlan.from_plans(make_plans(), dataset_json(1, False), CONFIGURATION)
    assert plan == InferencePlan(
        configuration=CONFIGURATION,
        spacing_mm=(3.0, 1.5, 2.0),
        patch_size=(32, 48, 64),
        transpose_forward=(1, 2, 0),
        transpose_backward=(2, 0, 1),
        normalization="CTNormalization",
        intensities=IntensityStatistics(40.0, 80.0, -160.0, 300.0),
        data_resampling=Resampling(3, None),
        probability_resampling=Resampling(1, None),
        num_heads=2,
        mode="softmax",
    )


@pytest.mark.parametrize(
    "labels",
    [
        {"background": 0, "a": 1, "b": 2},
        {"background": 0, "a": 1, "ignore": 2},
        {"background": 0, "a": [1], "b": [2]},
        {"background": 0, "whole": [1, 2], "core": 2},
        {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "rim": 3, "ignore": 4},
    ],
)
def test_heads_equal_nnunets_label_manager(labels):
    n_regions = sum(name not in ("background", "ignore") for name in labels)
    dataset = {
        "channel_names": {"0": "CT"},
        "labels": labels,
        "regions_class_order": list(range(1, n_regions + 1)),
    }
    manager = PlansManager(make_plans()).get_label_manager(dataset)
    plan = InferencePlan.from_plans(make_plans(), dataset, CONFIGURATION)
    assert plan.num_heads == manager.num_segmentation_heads
    assert (plan.mode == "regions") == manager.has_regions


def test_inherited_settings_equal_nnunets():
    plans = make_plans()
    plans["configurations"]["middle"] = {"inherits_from": CONFIGURATION, "spacing": [2.0, 2.0, 2.0]}
    plans["configurations"]["leaf"] = {"inherits_from": "middle", "patch_size": [16, 16, 16]}
    expected = PlansManager(deepcopy(plans)).get_configuration("leaf")
    plan = InferencePlan.from_plans(plans, dataset_json(1, False), "leaf")
    assert plan.spacing_mm == tuple(expected.spacing)
    assert plan.patch_size == tuple(expected.patch_size)
    assert plan.normalization == expected.normalization_schemes[0]


def test_resampling_in_torch_is_linear():
    plans = make_plans()
    settings = plans["configurations"][CONFIGURATION]
    settings["resampling_fn_data"] = "resample_torch_fornnunet"
    settings["resampling_fn_data_kwargs"] = {"is_seg": False, "force_separate_z": False}
    plan = InferencePlan.from_plans(plans, dataset_json(1, False), CONFIGURATION)
    assert plan.data_resampling == Resampling(1, False)


def test_intensities_of_old_plans():
    plans = make_plans()
    plans["foreground_intensity_properties_by_modality"] = plans.pop(
        "foreground_intensity_properties_per_channel"
    )
    plan = InferencePlan.from_plans(plans, dataset_json(1, False), CONFIGURATION)
    assert plan.intensities.mean == 40.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch_size": [32, 32], "spacing": [1.0, 1.0]}, "two-dimensional"),
        ({"previous_stage": "3d_lowres"}, "cascade"),
        ({"preprocessor_name": "MyPreprocessor"}, "MyPreprocessor"),
        ({"normalization_schemes": ["RGBTo01Normalization"]}, "RGBTo01Normalization"),
        (
            {"normalization_schemes": ["ZScoreNormalization"], "use_mask_for_norm": [True]},
            "with a mask",
        ),
        ({"resampling_fn_data": "no_resampling_hack"}, "no_resampling_hack"),
        ({"resampling_fn_data_kwargs": {"order": 3, "order_z": 1}}, "resamples"),
        ({"resampling_fn_probabilities_kwargs": {"order": 3}}, "order other than 1"),
        ({"spacing": [1.0, 0.0, 1.0]}, "damaged"),
        ({"spacing": None}, "damaged"),
        ({"inherits_from": CONFIGURATION}, "inherits from itself"),
    ],
)
def test_refuses_what_is_not_supported(change, message):
    plans = make_plans()
    plans["configurations"][CONFIGURATION].update(change)
    with pytest.raises(BundleError, match=message):
        InferencePlan.from_plans(plans, dataset_json(1, False), CONFIGURATION)


def test_refuses_several_channels():
    dataset = {**dataset_json(1, False), "channel_names": {"0": "CT", "1": "PET"}}
    with pytest.raises(BundleError, match="2 input images"):
        InferencePlan.from_plans(make_plans(), dataset, CONFIGURATION)


def test_names_the_configurations_that_exist():
    with pytest.raises(BundleError, match="choose one of: 3d_fullres"):
        InferencePlan.from_plans(make_plans(), dataset_json(1, False), "3d_lowres")


@pytest.mark.parametrize("key", ["configurations", "transpose_forward", "transpose_backward"])
def test_missing_key_is_a_bundle_error(key):
    plans = make_plans()
    del plans[key]
    with pytest.raises(BundleError, match=key):
        InferencePlan.from_plans(plans, dataset_json(1, False), CONFIGURATION)


def test_transposes_that_do_not_undo_each_other():
    plans = {**make_plans(), "transpose_backward": [0, 1, 2]}
    with pytest.raises(BundleError, match="undo"):
        InferencePlan.from_plans(plans, dataset_json(1, False), CONFIGURATION)
