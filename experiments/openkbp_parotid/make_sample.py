"""Make the sample CT that ships with the project from an OpenKBP test patient, without the face.

Expected layout of SRC: ``cases.csv`` (columns ``case``, ``split``, ``folder``) and, per folder,
``images/CASE.nii.gz`` and ``labels/CASE.nii.gz`` with labels 3 and 4 = parotid glands and
7 = mandible.

The case follows from a rule that was fixed before any model had seen it: the test patient of folder
``complete5`` whose parotid volume is the (lower) median. The face is removed by setting voxels to
air in two half-spaces: in front of the parotid glands, from below the chin to the top of the image,
and everything well above the glands. The grid is kept.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

PAROTID_LABELS = (3, 4)
MANDIBLE_LABEL = 7
AIR_HU = -1000
FRONT_MARGIN_MM = 20.0
TOP_MARGIN_MM = 30.0
CHIN_MARGIN_MM = 45.0


def parotid_mask(reference: sitk.Image) -> npt.NDArray[np.bool_]:
    return np.isin(sitk.GetArrayViewFromImage(reference), PAROTID_LABELS)


def median_case(source: Path) -> str:
    """The complete test case with the (lower) median parotid volume."""
    with (source / "cases.csv").open() as table:
        cases = [
            row["case"]
            for row in csv.DictReader(table)
            if row["split"] == "test" and row["folder"] == "complete5"
        ]

    def parotid_volume_mm3(case: str) -> float:
        reference = sitk.ReadImage(str(source / "complete5" / "labels" / f"{case}.nii.gz"))
        return float(parotid_mask(reference).sum() * np.prod(reference.GetSpacing()))

    return sorted(cases, key=parotid_volume_mm3)[(len(cases) - 1) // 2]


def face_mask(reference: sitk.Image) -> npt.NDArray[np.bool_]:
    """Voxels to blank, (K, J, I); K points up and J to the back in all images of this data set."""
    if not np.allclose(reference.GetDirection(), np.eye(3).ravel()):
        raise SystemExit(
            "The axes of the image are not those of OpenKBP (left, posterior, superior)."
        )
    _, spacing_j, spacing_k = reference.GetSpacing()
    parotid_k, parotid_j, _ = np.nonzero(parotid_mask(reference))
    mandible_k = np.nonzero(sitk.GetArrayViewFromImage(reference) == MANDIBLE_LABEL)[0]

    front = parotid_j.min() - int(np.ceil(FRONT_MARGIN_MM / spacing_j))
    chin = mandible_k.min() - int(np.ceil(CHIN_MARGIN_MM / spacing_k))
    top = parotid_k.max() + int(np.ceil(TOP_MARGIN_MM / spacing_k))
    print(f"blank: j < {front} where k >= {chin}, and all of k > {top}")

    mask = np.zeros(reference.GetSize()[::-1], dtype=bool)
    mask[chin:, :front] = True
    mask[top + 1 :] = True
    return mask


def write_like(path: Path, array: npt.NDArray[np.generic], grid: sitk.Image) -> None:
    """Write voxels and grid; no other header field of the source is carried over."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.GetSpacing())
    image.SetOrigin(grid.GetOrigin())
    image.SetDirection(grid.GetDirection())
    sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder with cases.csv")
    parser.add_argument("out", type=Path, help="folder for ct.nii.gz and reference.nii.gz")
    arguments = parser.parse_args()

    case = median_case(arguments.source)
    print(f"case: {case}")
    folder = arguments.source / "complete5"
    image = sitk.ReadImage(str(folder / "images" / f"{case}.nii.gz"), sitk.sitkInt16)
    reference = sitk.ReadImage(str(folder / "labels" / f"{case}.nii.gz"))

    hounsfield = sitk.GetArrayFromImage(image)
    hounsfield[face_mask(reference)] = AIR_HU
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_like(arguments.out / "ct.nii.gz", hounsfield, image)
    write_like(arguments.out / "reference.nii.gz", parotid_mask(reference).astype(np.uint8), image)


if __name__ == "__main__":
    main()
