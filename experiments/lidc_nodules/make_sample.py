"""Make the chest sample that ships with the project from the whole CT of patient LIDC-IDRI-0001.

Expected layout of SRC: ``ct.nii.gz`` and ``nodule_rater1.nii.gz`` to ``nodule_rater4.nii.gz`` on its grid.

The scan is cut to the slices from 45 of the scan upwards (the chest), and in the plane to what is denser
than air; voxels and grid are kept. The contours of the four raters become one file with four masks'
bits (1, 2, 4, 8) and one consensus mask: voxels that at least two raters marked.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import SimpleITK as sitk

FIRST_SLICE = 45
BODY_HU = -700
MARGIN = 4
RATERS = (1, 2, 3, 4)


def body_box(image: sitk.Image) -> tuple[slice, slice]:
    """Rows and columns that hold the body, with a margin; single bright voxels do not count."""
    dense = sitk.GetArrayViewFromImage(image) > BODY_HU
    box = []
    for axis in (1, 2):
        other = tuple(n for n in range(3) if n != axis)
        used = np.flatnonzero(dense.mean(axis=other) > 0.01)
        box.append(slice(max(used[0] - MARGIN, 0), used[-1] + 1 + MARGIN))
    return box[0], box[1]


def write_like(path: Path, array: np.ndarray, grid: sitk.Image) -> None:
    """Write voxels and grid; no other header field of the source is carried over."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.GetSpacing())
    image.SetOrigin(grid.GetOrigin())
    image.SetDirection(grid.GetDirection())
    sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)
    arguments = parser.parse_args()

    ct = sitk.ReadImage(str(arguments.source / "ct.nii.gz"))
    chest = ct[:, :, FIRST_SLICE:]
    rows, columns = body_box(chest)
    part = chest[columns, rows, :]
    votes = np.zeros(part.GetSize()[::-1], np.uint8)
    bits = np.zeros_like(votes)
    for number in RATERS:
        mask = sitk.ReadImage(str(arguments.source / f"nodule_rater{number}.nii.gz"))
        marked = sitk.GetArrayFromImage(mask[columns, rows, FIRST_SLICE:]) > 0
        votes += marked
        bits += (marked << (number - 1)).astype(np.uint8)

    arguments.destination.mkdir(parents=True, exist_ok=True)
    write_like(arguments.destination / "ct.nii.gz", sitk.GetArrayFromImage(part), part)
    consensus = (2 * votes >= len(RATERS)).astype(np.uint8)
    write_like(arguments.destination / "reference.nii.gz", consensus, part)
    write_like(arguments.destination / "raters.nii.gz", bits, part)
    voxel_ml = float(np.prod(part.GetSpacing())) / 1000
    volumes = [np.count_nonzero(bits & (1 << (number - 1))) * voxel_ml for number in RATERS]
    print(f"{part.GetSize()} voxels; raters {[f'{v:.2f} mL' for v in volumes]}")
    k, j, i = np.nonzero(consensus)
    corners = [
        part.TransformIndexToPhysicalPoint([int(n) for n in corner])
        for corner in ((i.min(), j.min(), k.min()), (i.max(), j.max(), k.max()))
    ]
    print(f"nodule in LPS mm: {corners}")


if __name__ == "__main__":
    main()
