"""Writes tiny but real nnU-Net v2 model folders with random weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet

CONFIGURATION = "3d_fullres"
NETWORK_CLASS = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"


def make_model_folder(
    path: Path,
    *,
    n_labels: int = 1,
    regions: bool = False,
    folds: Sequence[int] = (0,),
    seed: int = 0,
    spacing: tuple[float, float, float] = (1.5, 1.5, 1.5),
    patch: tuple[int, int, int] = (32, 32, 32),
    features: tuple[int, ...] = (4, 8, 16),
    blocks: tuple[int, ...] | None = None,
    normalization: str = "CTNormalization",
    transpose: tuple[int, int, int] = (0, 1, 2),
) -> Path:
    """Write a model folder that stock nnU-Net can load, and return ``path``.

    Fold f gets the random weights of seed ``seed + f``, so folds differ and calls repeat.

    Args:
        path: the folder to make.
        n_labels: foreground labels ("organ_1", "organ_2", ...).
        regions: region-based: region i holds the labels i to ``n_labels``; needs two labels.
        folds: folds to write.
        seed: seed of the first weights.
        spacing: target spacing in mm and in the model's (transposed) axis order.
        patch: patch size in the same order; each must be divisible by 2 ** (len(features) - 1).
        features: channels of each stage.
        blocks: residual blocks of each stage of the encoder; one each by default.
        normalization: nnU-Net's name of the intensity normalisation.
        transpose: ``transpose_forward`` of the plans.
    """
    if regions and n_labels < 2:
        raise ValueError("nnU-Net knows region-based training by a region of two labels or more")
    path.mkdir(parents=True)
    dataset = dataset_json(n_labels, regions)
    _write_json(path / "dataset.json", dataset)
    plans = plans_json(spacing, patch, features, normalization, transpose, blocks)
    architecture = plans["configurations"][CONFIGURATION]["architecture"]["arch_kwargs"]
    _write_json(path / "plans.json", plans)
    heads = n_labels if regions else n_labels + 1
    for fold in folds:
        folder = path / f"fold_{fold}"
        folder.mkdir()
        torch.save(_checkpoint(architecture, heads, seed + fold), folder / "checkpoint_final.pth")
    return path


def dataset_json(n_labels: int, regions: bool) -> dict[str, Any]:
    """The content of ``dataset.json``."""
    labels: dict[str, Any] = {"background": 0}
    for value in range(1, n_labels + 1):
        inside = list(range(value, n_labels + 1))
        labels[f"organ_{value}"] = inside if regions and len(inside) > 1 else value
    dataset: dict[str, Any] = {
        "channel_names": {"0": "CT"},
        "labels": labels,
        "numTraining": 10,
        "file_ending": ".nii.gz",
    }
    if regions:
        dataset["regions_class_order"] = list(range(1, n_labels + 1))
    return dataset


def plans_json(
    spacing: Sequence[float],
    patch: Sequence[int],
    features: Sequence[int],
    normalization: str,
    transpose: Sequence[int],
    blocks: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The content of ``plans.json``, as nnU-Net's ResEnc planner writes it."""
    backward = [list(transpose).index(axis) for axis in range(3)]
    resampling = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    configuration = {
        "data_identifier": f"nnUNetPlans_{CONFIGURATION}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(patch),
        "median_image_size_in_voxels": [2 * n for n in patch],
        "spacing": list(spacing),
        "normalization_schemes": [normalization],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": resampling,
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_seg_kwargs": {**resampling, "is_seg": True, "order": 1},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {**resampling, "order": 1},
        "architecture": {
            "network_class_name": NETWORK_CLASS,
            "arch_kwargs": _architecture(features, blocks or (1,) * len(features)),
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": True,
    }
    return {
        "dataset_name": "Dataset999_Synthetic",
        "plans_name": "nnUNetResEncUNetMPlans",
        "original_median_spacing_after_transp": list(spacing),
        "original_median_shape_after_transp": [2 * n for n in patch],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": list(transpose),
        "transpose_backward": backward,
        "configurations": {CONFIGURATION: configuration},
        "experiment_planner_used": "nnUNetPlannerResEncM",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {
                "max": 3000.0,
                "mean": 40.0,
                "median": 40.0,
                "min": -1000.0,
                "percentile_00_5": -160.0,
                "percentile_99_5": 300.0,
                "std": 80.0,
            }
        },
    }


def _architecture(features: Sequence[int], blocks: Sequence[int]) -> dict[str, Any]:
    stages = len(features)
    return {
        "n_stages": stages,
        "features_per_stage": list(features),
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * stages,
        "strides": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        "n_blocks_per_stage": list(blocks),
        "n_conv_per_stage_decoder": [1] * (stages - 1),
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }


def _checkpoint(architecture: dict[str, Any], heads: int, seed: int) -> dict[str, Any]:
    kwargs = {
        **architecture,
        "conv_op": torch.nn.Conv3d,
        "norm_op": torch.nn.InstanceNorm3d,
        "nonlin": torch.nn.LeakyReLU,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ResidualEncoderUNet(
            input_channels=1, num_classes=heads, deep_supervision=False, **kwargs
        )
    return {
        "network_weights": network.state_dict(),
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": CONFIGURATION},
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
