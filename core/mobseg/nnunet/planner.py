"""nnU-Net experiment planner for networks that train and run on a CPU.

The planner keeps nnU-Net's own rules for spacing, patch size, normalisation and resampling, and only
lowers the width, depth and memory target of the residual encoder presets (Isensee et al., "nnU-Net
Revisited", MICCAI 2024), which are meant for cards of 8 GB and more.
"""

from __future__ import annotations

from nnunetv2.experiment_planning.experiment_planners.residual_unets.residual_encoder_unet_planners import (
    ResEncUNetPlanner,
)


class ResEncXSPlanner(ResEncUNetPlanner):  # type: ignore[misc]
    """Residual encoder preset of about 2 to 3 million parameters, for training without a GPU."""

    def __init__(
        self,
        dataset_name_or_id: str | int,
        gpu_memory_target_in_gb: float = 0.35,
        preprocessor_name: str = "DefaultPreprocessor",
        plans_name: str = "nnUNetResEncUNetXSPlans",
        overwrite_target_spacing: list[float] | tuple[float, ...] | None = None,
        suppress_transpose: bool = False,
    ) -> None:
        super().__init__(
            dataset_name_or_id,
            gpu_memory_target_in_gb,
            preprocessor_name,
            plans_name,
            overwrite_target_spacing,
            suppress_transpose,
        )
        self.UNet_base_num_features = 16
        self.UNet_max_features_3d = 128
        self.UNet_blocks_per_stage_encoder = (1, 2, 2, 2, 2, 2, 2, 2)
        self.UNet_blocks_per_stage_decoder = (1, 1, 1, 1, 1, 1, 1)
        self.max_dataset_covered = 1.0
