"""The whole job against stock nnU-Net's predictor and export: the shipped model, and a free network."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from sides import Case, compare

from mobseg.bundle.store import resolve_model

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "core/mobseg/resources/sample/ct.nii.gz"

sys.path.insert(0, str(ROOT))
from tests.support.model_factory import make_model_folder  # noqa: E402

#: Size along i, j, k and spacing in mm of the large CT.
LARGE = ((512, 512, 300), (0.75, 0.75, 1.2))


def shipped_model(*, rounds: int, repeats: int) -> dict[str, Any]:
    """The shipped model on the shipped CT, as exact as stock nnU-Net."""
    exact = {"precision": "float32"}
    return compare(Case(resolve_model(None).path, SAMPLE, rounds, repeats, options=exact))


def without_network(*, rounds: int, repeats: int) -> dict[str, Any]:
    """Everything but the network: a large CT, to 1.5 mm and back, two classes."""
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "ct_0000.nii.gz"
        size, spacing = LARGE
        enlarge_sample(size, spacing, image)
        model = make_model_folder(Path(scratch) / "model", patch=(128, 128, 128))
        return compare(Case(model, image, rounds, repeats, standin=True))


def enlarge_sample(
    size: tuple[int, int, int], spacing: tuple[float, float, float], path: Path
) -> None:
    """Write the sample CT, interpolated to another size and with noise, as if it had this spacing."""
    image = sitk.ReadImage(str(SAMPLE))
    fitted = tuple(
        n * s / m for n, s, m in zip(image.GetSize(), image.GetSpacing(), size, strict=True)
    )
    finer = sitk.Resample(
        image,
        size,
        sitk.Transform(),
        sitk.sitkLinear,
        image.GetOrigin(),
        fitted,
        image.GetDirection(),
        -1000,
        image.GetPixelID(),
    )
    array = sitk.GetArrayFromImage(finer)
    noise = np.random.default_rng(0).normal(0, 15, array.shape)
    result = sitk.GetImageFromArray(np.where(array > -900, array + noise, array).astype("i2"))
    result.SetSpacing(spacing)
    sitk.WriteImage(result, str(path))
