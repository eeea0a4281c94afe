"""Writes small synthetic CTs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk


def write_ct(path: Path, shape_kji: tuple[int, int, int] = (24, 26, 28), seed: int = 0) -> Path:
    """Write noise around water at 1.5 mm, in Hounsfield units, and return ``path``."""
    noise = np.random.default_rng(seed).normal(0, 80, shape_kji)
    image = sitk.GetImageFromArray(noise.astype(np.int16))
    image.SetSpacing((1.5, 1.5, 1.5))
    sitk.WriteImage(image, str(path))
    return path
