"""Small data sets in the layouts of public ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SHAPE = (4, 5, 6)


def write(array: np.ndarray, path: Path, spacing: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((spacing,) * 3)
    sitk.WriteImage(image, str(path))


def ct(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 100, SHAPE).astype(np.int16)


def mask(*voxels: tuple[int, int, int]) -> np.ndarray:
    array = np.zeros(SHAPE, np.uint8)
    for voxel in voxels:
        array[voxel] = 1
    return array


def totalsegmentator(root: Path, subjects: int = 10) -> None:
    """Subjects s0000...; the pancreas is absent in every fourth, the duodenum in every other."""
    for number in range(subjects):
        folder = root / f"s{number:04d}"
        write(ct(number), folder / "ct.nii.gz")
        pancreas = mask((1, 2, 3)) if number % 4 else mask()
        duodenum = mask((2, 2, 3)) if number % 2 else mask()
        write(pancreas, folder / "segmentations" / "pancreas.nii.gz")
        write(duodenum, folder / "segmentations" / "duodenum.nii.gz")


def decathlon(root: Path, cases: int = 5, *, labels: dict | None = None) -> None:
    for number in range(cases):
        write(ct(number), root / "imagesTr" / f"spleen_{number}.nii.gz")
        write(mask((1, 1, number)), root / "labelsTr" / f"spleen_{number}.nii.gz")
    (root / "labelsTr" / "._spleen_0.nii.gz").write_bytes(b"hidden file of another system")
    content = {"labels": labels or {"0": "background", "1": "spleen"}}
    (root / "dataset.json").write_text(json.dumps(content))
