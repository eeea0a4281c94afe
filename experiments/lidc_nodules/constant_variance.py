"""Make the control of the fitted variance: the same mean, and one variance for all voxels.

    python constant_variance.py MODEL FOLDER

MODEL is any fine-tuned model. The new folder holds a diagonal model with its mean logits whose log
variance does not depend on the image, such that the difference of the two logits has variance 1. Fit its
size with ``mobseg rescale``.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch

from mobseg.bundle.checkpoint import read_checkpoint
from mobseg.bundle.folder import open_model_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()

    model = open_model_folder(arguments.model)
    plans = json.loads(json.dumps(model.plans))
    configuration = plans["configurations"][model.configuration_name]
    configuration["architecture"]["arch_kwargs"]["head"]["parameterisation"] = "diagonal"
    checkpoint = read_checkpoint(model.checkpoint_paths[0])
    weights = {}
    for name, tensor in checkpoint.weights.items():
        head, _, part = name.rpartition(".mean.")
        if head:
            weights[name] = tensor
            weights[f"{head}.log_variance.{part}"] = torch.full_like(
                tensor, math.log(0.5) if part == "bias" else 0.0
            )
        elif not any(mark in name for mark in (".log_variance.", ".factor.", ".scales.", ".bas")):
            weights[name] = tensor
    fold = arguments.folder / "fold_0"
    fold.mkdir(parents=True)
    (arguments.folder / "plans.json").write_text(json.dumps(plans, indent=1))
    (arguments.folder / "dataset.json").write_text(json.dumps(model.dataset_json, indent=1))
    content = {
        "network_weights": weights,
        "trainer_name": checkpoint.trainer_name,
        "init_args": {"configuration": checkpoint.configuration},
        "inference_allowed_mirroring_axes": checkpoint.mirror_axes,
    }
    torch.save(content, fold / "checkpoint_final.pth")


if __name__ == "__main__":
    main()
