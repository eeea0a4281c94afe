"""What nnU-Net's plans say about running a model, checked and with fixed types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mobseg.errors import BundleError

Triple = tuple[float, float, float]
Size = tuple[int, int, int]

NORMALIZATIONS = (
    "CTNormalization",
    "ZScoreNormalization",
    "NoNormalization",
    "RescaleTo01Normalization",
)


@dataclass(frozen=True)
class IntensityStatistics:
    """Intensities inside the training labels, in the unit of the image (HU for CT)."""

    mean: float
    std: float
    percentile_00_5: float
    percentile_99_5: float


@dataclass(frozen=True)
class Resampling:
    """How nnU-Net changes the grid.

    Attributes:
        order: spline order, 1 or 3.
        force_separate_z: whether the axis of lowest resolution is resampled by nearest neighbour, apart
            from the other two; ``None`` decides by the anisotropy of the spacing.
    """

    order: Literal[1, 3]
    force_separate_z: bool | None


@dataclass(frozen=True)
class InferencePlan:
    """One three-dimensional configuration of an nnU-Net v2 model with one input channel.

    "Network axes" are the array axes (k, j, i) after ``transpose_forward``.

    Attributes:
        configuration: name, such as ``"3d_fullres"``.
        spacing_mm: target spacing along the network axes.
        patch_size: window size along the network axes.
        transpose_forward: network axis n is array axis ``transpose_forward[n]``.
        transpose_backward: the inverse permutation.
        normalization: nnU-Net's name of the intensity normalisation, one of :data:`NORMALIZATIONS`.
        intensities: statistics used by ``CTNormalization``.
        data_resampling: for the image, to the target spacing.
        probability_resampling: for the network's output, back to the native spacing; its order is 1.
        num_heads: output channels of the network.
        mode: whether the heads are classes with a softmax or overlapping regions with a sigmoid each.
    """

    configuration: str
    spacing_mm: Triple
    patch_size: Size
    transpose_forward: Size
    transpose_backward: Size
    normalization: str
    intensities: IntensityStatistics
    data_resampling: Resampling
    probability_resampling: Resampling
    num_heads: int
    mode: Literal["softmax", "regions"]

    @classmethod
    def from_plans(
        cls, plans: dict[str, Any], dataset_json: dict[str, Any], configuration: str
    ) -> InferencePlan:
        """Read one configuration of ``plans.json`` and ``dataset.json``.

        Raises:
            BundleError: something is missing or malformed, or the model needs what is not supported:
                several input channels, two-dimensional or cascaded configurations, or custom
                preprocessing.
        """
        try:
            return cls._read(plans, dataset_json, configuration)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(
                "The model's plans.json or dataset.json is incomplete or damaged "
                f"({type(error).__name__}: {error}); get a complete nnU-Net v2 model folder."
            ) from error

    @classmethod
    def _read(
        cls, plans: dict[str, Any], dataset_json: dict[str, Any], configuration: str
    ) -> InferencePlan:
        settings = _resolve_configuration(plans, configuration)
        _check_supported(settings, dataset_json, configuration)
        z, y, x = (float(s) for s in settings["spacing"])
        backward = _size(plans["transpose_backward"])
        forward = _size(plans["transpose_forward"])
        if [forward[n] for n in backward] != [0, 1, 2]:
            raise ValueError("transpose_forward and transpose_backward do not undo each other")
        patch_size = _size(settings["patch_size"])
        if min(z, y, x) <= 0 or min(patch_size) <= 0:
            raise ValueError("spacing and patch_size must be positive")
        probability_resampling = _resampling(settings, "probabilities")
        if probability_resampling.order != 1:
            raise BundleError(
                "The model resamples its probabilities with an order other than 1, which is not "
                "supported; plan it with nnU-Net's default."
            )
        num_heads, mode = _heads(dataset_json["labels"])
        return cls(
            configuration=configuration,
            spacing_mm=(z, y, x),
            patch_size=patch_size,
            transpose_forward=forward,
            transpose_backward=backward,
            normalization=settings["normalization_schemes"][0],
            intensities=_intensities(plans),
            data_resampling=_resampling(settings, "data"),
            probability_resampling=probability_resampling,
            num_heads=num_heads,
            mode=mode,
        )


def _resolve_configuration(plans: dict[str, Any], name: str) -> dict[str, Any]:
    """The settings of a configuration with everything it inherits."""
    configurations: dict[str, dict[str, Any]] = plans["configurations"]
    if name not in configurations:
        known = ", ".join(sorted(configurations))
        raise BundleError(f"The model has no configuration {name!r}; choose one of: {known}.")
    settings = dict(configurations[name])
    visited = {name}
    while (parent := settings.pop("inherits_from", None)) is not None:
        if parent in visited:
            raise ValueError(f"configuration {name!r} inherits from itself")
        visited.add(parent)
        settings = {**configurations[parent], **settings}
    return settings


def _check_supported(
    settings: dict[str, Any], dataset_json: dict[str, Any], configuration: str
) -> None:
    channels = dataset_json["channel_names" if "channel_names" in dataset_json else "modality"]
    if len(channels) != 1:
        raise BundleError(
            f"The model needs {len(channels)} input images, but only models of one image are supported."
        )
    if len(settings["patch_size"]) != 3:
        raise BundleError(
            f"The configuration {configuration!r} is two-dimensional; choose a 3d configuration."
        )
    if settings.get("previous_stage") is not None:
        raise BundleError(
            f"The configuration {configuration!r} is the second stage of a cascade, which is not "
            "supported; choose a configuration that stands alone."
        )
    if settings["preprocessor_name"] != "DefaultPreprocessor":
        raise BundleError(
            f"The model needs the custom preprocessor {settings['preprocessor_name']!r}, which is "
            "not supported; use a model with nnU-Net's DefaultPreprocessor."
        )
    scheme = settings["normalization_schemes"][0]
    masked = scheme == "ZScoreNormalization" and settings["use_mask_for_norm"][0]
    if scheme not in NORMALIZATIONS or masked:
        raise BundleError(
            f"The model's intensity normalisation {scheme!r}{' with a mask' * masked} is not "
            f"supported; use one of: {', '.join(NORMALIZATIONS)}."
        )


def _resampling(settings: dict[str, Any], kind: str) -> Resampling:
    """Settings of nnU-Net's default resampling, or of its variant in torch, which is linear."""
    function = settings[f"resampling_fn_{kind}"]
    options: dict[str, Any] = settings[f"resampling_fn_{kind}_kwargs"]
    if function == "resample_data_or_seg_to_shape":
        order, nearest_z = options.get("order", 3), options.get("order_z", 0) == 0
        force_separate_z = options.get("force_separate_z", False)
    elif function == "resample_torch_fornnunet":
        order = 1 if options.get("mode", "linear") == "linear" else None
        nearest_z = options.get("aniso_axis_mode", "nearest-exact") == "nearest-exact"
        force_separate_z = options.get("force_separate_z")
    else:
        order, nearest_z, force_separate_z = None, False, None
    if order not in (1, 3) or not nearest_z or "separate_z_anisotropy_threshold" in options:
        raise BundleError(
            f"The model resamples by {function} with options that are not supported; plan it with "
            "nnU-Net's default."
        )
    return Resampling(order, force_separate_z)


def _intensities(plans: dict[str, Any]) -> IntensityStatistics:
    # Plans written before nnU-Net 2.1 use the second name.
    key = "foreground_intensity_properties_per_channel"
    per_channel = plans[key if key in plans else "foreground_intensity_properties_by_modality"]
    channel = per_channel["0"]
    return IntensityStatistics(
        mean=float(channel["mean"]),
        std=float(channel["std"]),
        percentile_00_5=float(channel["percentile_00_5"]),
        percentile_99_5=float(channel["percentile_99_5"]),
    )


def _heads(labels: dict[str, Any]) -> tuple[int, Literal["softmax", "regions"]]:
    """Number of output channels, and what they are (nnU-Net's ``LabelManager``)."""
    members = {
        name: {int(v) for v in value} if isinstance(value, (list, tuple)) else {int(value)}
        for name, value in labels.items()
        if name != "ignore"
    }
    if any(isinstance(value, (list, tuple)) and len(value) > 1 for value in labels.values()):
        return sum(values != {0} for values in members.values()), "regions"
    return len(set().union(*members.values())), "softmax"


def _size(values: Any) -> Size:
    a, b, c = (int(v) for v in values)
    return (a, b, c)
