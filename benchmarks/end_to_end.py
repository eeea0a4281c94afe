"""The whole job against stock nnU-Net's predictor and export: the shipped model, and a free network."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import standin
from sides import Case, compare

from mobseg.bundle.store import resolve_model

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "core/mobseg/resources/sample/ct.nii.gz"

sys.path.insert(0, str(ROOT))
from tests.support.model_factory import make_model_folder  # noqa: E402

#: Size along i, j, k and spacing in mm of the large CT.
LARGE = ((512, 512, 300), (0.75, 0.75, 1.2))

#: What the model folders of ``tests.support`` normalise intensities with.
_MEAN_HU, _STD_HU = 40.0, 80.0


def shipped_model(*, rounds: int, repeats: int) -> dict[str, Any]:
    """The shipped model on the shipped CT, as exact as stock nnU-Net."""
    exact = {"precision": "float32"}
    return compare(Case(resolve_model(None).path, SAMPLE, rounds, repeats, options=exact))


def without_network(*, rounds: int, repeats: int, classes: int = 2) -> dict[str, Any]:
    """Everything but the network: a large CT, to 1.5 mm and back."""
    with tempfile.TemporaryDirectory() as scratch:
        model, image = large_case(Path(scratch), *LARGE, classes)
        return compare(Case(model, image, rounds, repeats, standin=True))


def large_case(
    scratch: Path,
    size: tuple[int, int, int],
    spacing: tuple[float, float, float],
    classes: int,
    patch: int = 128,
) -> tuple[Path, Path]:
    """A model folder for the stand-in, and a CT.

    Args:
        scratch: where both are written.
        size: of the CT along i, j and k.
        spacing: mm.
        classes: with more than two, the body is divided into as many organs from bottom to top.
        patch: voxels of a window along each axis.
    """
    image = scratch / "ct_0000.nii.gz"
    enlarge_sample(size, spacing, image)
    if classes > 2:
        _divide(image, classes - 1)
    model = make_model_folder(scratch / "model", patch=(patch,) * 3, n_labels=classes - 1)
    return model, image


def _divide(path: Path, organs: int) -> None:
    """Give each of so many layers of the body the intensity that the stand-in knows an organ by."""
    image = sitk.ReadImage(str(path))
    array = sitk.GetArrayFromImage(image)
    layer = np.arange(len(array)) * organs // len(array)
    distance = (standin.LAST - standin.FIRST) / max(organs - 1, 1)
    normalised = standin.FIRST + distance * layer
    intensity = _MEAN_HU + _STD_HU * normalised[:, None, None]
    # So little that it does not take voxels from one organ to the next.
    deviation = min(1.0, 0.1 * _STD_HU * distance)
    noise = np.random.default_rng(0).normal(0, deviation, array.shape).astype(np.float32)
    divided = sitk.GetImageFromArray(np.where(array > -300, intensity + noise, array).astype("i2"))
    divided.CopyInformation(image)
    sitk.WriteImage(divided, str(path))


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
