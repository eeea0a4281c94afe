"""Checks nnU-Net plans before anything is built from them."""

from __future__ import annotations

from typing import Any

from mobseg.bundle.fields import Fields
from mobseg.errors import BundleError

#: Intensity normalisations (nnU-Net's class names) that inference implements.
SUPPORTED_NORMALIZATIONS = (
    "CTNormalization",
    "ZScoreNormalization",
    "RescaleTo01Normalization",
    "NoNormalization",
)

#: Resampling functions (nnU-Net's names) that inference implements.
SUPPORTED_RESAMPLING = ("resample_data_or_seg_to_shape", "resample_torch_fornnunet")

SUPPORTED_PREPROCESSORS = ("DefaultPreprocessor",)


def checked_configuration(plans: Fields, name: str) -> dict[str, Any]:
    """The configuration ``name`` with everything that it inherits, checked.

    Raises:
        BundleError: a key is missing or wrong, or the model is of a kind that cannot be run here.
    """
    configuration = Fields(_resolve(plans, name), f"plans.json, configuration {name}")
    _check_transpose(plans)
    _check_dimensions(configuration, name)
    _check_preprocessing(configuration)
    _check_intensities(plans, configuration)
    _check_architecture(configuration.child("architecture"))
    return configuration.data


def _resolve(plans: Fields, name: str) -> dict[str, Any]:
    """Merge a configuration over its parents (``inherits_from``), as nnU-Net does."""
    configurations = plans.child("configurations")
    chain: list[dict[str, Any]] = []
    names: list[str] = []
    current: str | None = name
    while current is not None:
        if current in names:
            raise BundleError(
                f"The configurations {', '.join(names)} in plans.json inherit from each other in a "
                "circle; obtain the model again."
            )
        fields = configurations.child(current)
        names.append(current)
        chain.append(fields.data)
        current = fields.text("inherits_from") if "inherits_from" in fields else None
    return {key: value for data in reversed(chain) for key, value in data.items()}


def _check_transpose(plans: Fields) -> None:
    forward = plans.numbers("transpose_forward", 3)
    if sorted(forward) != [0, 1, 2]:
        raise plans.wrong("transpose_forward", "an order of the axes 0, 1 and 2")
    if [forward.index(axis) for axis in range(3)] != list(plans.numbers("transpose_backward", 3)):
        raise plans.wrong("transpose_backward", "the inverse of transpose_forward")


def _check_dimensions(configuration: Fields, name: str) -> None:
    if len(configuration.items("patch_size")) == 2:
        raise BundleError(
            f"The model uses the 2D configuration {name}, but only 3D configurations are supported; "
            "use a model trained as 3d_fullres or 3d_lowres."
        )
    if "previous_stage" in configuration:
        raise BundleError(
            f"The model is the second stage of a cascade ({name}), which is not supported; use a model "
            "trained as 3d_fullres or 3d_lowres."
        )
    patch = configuration.numbers("patch_size", 3)
    if any(size < 1 or size != int(size) for size in patch):
        raise configuration.wrong("patch_size", "three positive whole numbers")
    if min(configuration.numbers("spacing", 3)) <= 0:
        raise configuration.wrong("spacing", "three positive numbers")


def _check_preprocessing(configuration: Fields) -> None:
    schemes = configuration.items("normalization_schemes")
    if len(schemes) != 1:
        raise configuration.wrong("normalization_schemes", "a list of one name, for the CT")
    _check_supported("normalisation", schemes[0], SUPPORTED_NORMALIZATIONS)
    masks = configuration.items("use_mask_for_norm")
    if schemes == ["ZScoreNormalization"] and masks != [False]:
        raise BundleError(
            "The model normalises inside a mask of non-zero voxels, which CT does not have; use a "
            "model that was trained on CT."
        )
    for key in ("resampling_fn_data", "resampling_fn_probabilities"):
        _check_supported("resampling function", configuration.text(key), SUPPORTED_RESAMPLING)
        configuration.child(f"{key}_kwargs")
    preprocessor = configuration.text("preprocessor_name")
    _check_supported("preprocessor", preprocessor, SUPPORTED_PREPROCESSORS)


def _check_intensities(plans: Fields, configuration: Fields) -> None:
    if configuration.data["normalization_schemes"] != ["CTNormalization"]:
        return
    key = "foreground_intensity_properties_per_channel"
    older_key = "foreground_intensity_properties_by_modality"
    intensities = plans.child(older_key if older_key in plans else key).child("0")
    lower, upper = intensities.number("percentile_00_5"), intensities.number("percentile_99_5")
    intensities.number("mean")
    if intensities.number("std") <= 0 or lower >= upper:
        raise BundleError(
            f"In {intensities.where} the standard deviation must be positive and the percentiles in "
            "order; obtain the model again."
        )


def _check_architecture(architecture: Fields) -> None:
    """Only that all is there: which networks may be built is up to :mod:`mobseg.network.build`."""
    architecture.text("network_class_name")
    architecture.child("arch_kwargs")
    architecture.items("_kw_requires_import")


def _check_supported(what: str, name: Any, supported: tuple[str, ...]) -> None:
    if name not in supported:
        raise BundleError(
            f'The model uses the {what} "{name}", which is not supported; use a model with '
            f"{' or '.join(supported)}."
        )
