"""A raw nnU-Net data set of bright balls in noise, small enough to train on within seconds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

NAME = "Dataset901_Balls"


def write_ball_dataset(
    raw: Path, preprocessed: Path, train: Sequence[str], validation: Sequence[str]
) -> None:
    """Write images, labels and the split of these cases."""
    folder = raw / NAME
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    cases = [*train, *validation]
    for case in cases:
        k, j, i = np.indices((24, 28, 26)) - rng.integers(10, 14, 3)[:, None, None, None]
        ball = (k**2 + j**2 + i**2 < 36).astype(np.uint8)
        image = (200.0 * ball + rng.normal(0, 30, ball.shape)).astype(np.int16)
        for array, path in ((image, f"imagesTr/{case}_0000"), (ball, f"labelsTr/{case}")):
            sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / f"{path}.nii.gz"))
    content = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "ball": 1},
        "numTraining": len(cases),
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    split = preprocessed / folder.name
    split.mkdir(parents=True)
    splits = [{"train": list(train), "val": list(validation)}]
    (split / "splits_final.json").write_text(json.dumps(splits))
