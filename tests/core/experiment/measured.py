"""A tiny data set with several raters, and tiny models to measure on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from tests.support.model_factory import make_model_folder
from tests.support.stochastic_factory import make_stochastic

SHAPE = (14, 20, 18)


def write_cases(root: Path, cases: int = 2, raters: int = 3) -> None:
    """``images``, ``labels`` (the first rater's) and ``raters``, of noisy balls."""
    rng = np.random.default_rng(0)
    for folder in ("images", "labels", "raters"):
        (root / folder).mkdir(parents=True)
    for number in range(cases):
        k, j, i = np.indices(SHAPE) - rng.integers(6, 9, 3)[:, None, None, None]
        distance = np.sqrt(k**2 + j**2 + i**2)
        image = (200 * (distance < 5) + rng.normal(0, 40, SHAPE)).astype(np.int16)
        _write(image, root / "images" / f"case{number}_0000.nii.gz")
        for rater in range(raters):
            mask = (distance < 4 + rater / 2).astype(np.uint8)
            _write(mask, root / "raters" / f"case{number}__r{rater}.nii.gz")
            if rater == 0:
                _write(mask, root / "labels" / f"case{number}.nii.gz")


def _write(array: np.ndarray, path: Path) -> None:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 1.5, 1.5))
    sitk.WriteImage(image, str(path))


def stochastic_model(path: Path, seed: int = 0, parameterisation: str = "low_rank") -> Path:
    return make_stochastic(make_model_folder(path, seed=seed), parameterisation)
