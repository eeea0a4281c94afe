"""Turn a folder of OpenKBP head-and-neck CTs into an nnU-Net raw data set of one organ.

Expected layout of SRC: ``cases.csv`` (columns ``case``, ``split``, ``folder`` and, per structure, its
number of voxels) and, per folder, ``images/CASE.nii.gz`` and ``labels/CASE.nii.gz``.

The split by patient is the one OpenKBP publishes: its training and validation patients become
``imagesTr`` and the single fold of ``splits_final.json``; its test patients become ``imagesTs``.
Patients without the organ's contour, and scans whose source is blanked over the labelled range (folder
``ct_truncated``), are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk


@dataclass(frozen=True)
class Organ:
    """What becomes the foreground.

    Attributes:
        dataset: nnU-Net's name of the data set.
        label: name of the foreground label.
        structures: column of ``cases.csv`` and label value of every structure that belongs to it.
    """

    dataset: str
    label: str
    structures: dict[str, int]


ORGANS = {
    "parotid": Organ("Dataset501_Parotid", "parotid_gland", {"RightParotid": 3, "LeftParotid": 4}),
    "larynx": Organ("Dataset503_Larynx", "larynx", {"Larynx": 6}),
    "oesophagus": Organ("Dataset504_Oesophagus", "oesophagus", {"Esophagus": 5}),
}


def convert_case(
    source: Path, case: dict[str, str], organ: Organ, images: Path, labels: Path
) -> None:
    """Write one image and its binary label map under nnU-Net's names."""
    name = case["case"]
    image = sitk.ReadImage(str(source / case["folder"] / "images" / f"{name}.nii.gz"))
    reference = sitk.ReadImage(str(source / case["folder"] / "labels" / f"{name}.nii.gz"))
    voxels = sitk.GetArrayViewFromImage(reference)
    foreground = sitk.GetImageFromArray(
        np.isin(voxels, list(organ.structures.values())).astype(np.uint8)
    )
    foreground.CopyInformation(reference)
    sitk.WriteImage(image, str(images / f"{name}_0000.nii.gz"))
    sitk.WriteImage(foreground, str(labels / f"{name}.nii.gz"))


def usable(case: dict[str, str], organ: Organ) -> bool:
    """Whether the scan is whole and the organ was contoured."""
    contoured = all(int(case[structure]) > 0 for structure in organ.structures)
    return case["folder"] != "ct_truncated" and contoured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("organ", choices=ORGANS)
    parser.add_argument("source", type=Path)
    parser.add_argument("raw", type=Path, help="nnU-Net raw folder, where the data set is made")
    parser.add_argument(
        "preprocessed", type=Path, help="nnU-Net preprocessed folder, for the split"
    )
    arguments = parser.parse_args()

    organ = ORGANS[arguments.organ]
    dataset = arguments.raw / organ.dataset
    for folder in ("imagesTr", "labelsTr", "imagesTs", "labelsTs"):
        (dataset / folder).mkdir(parents=True, exist_ok=True)

    with (arguments.source / "cases.csv").open() as table:
        cases = [row for row in csv.DictReader(table) if usable(row, organ)]
    members: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for case in cases:
        suffix = "Ts" if case["split"] == "test" else "Tr"
        convert_case(
            arguments.source,
            case,
            organ,
            dataset / f"images{suffix}",
            dataset / f"labels{suffix}",
        )
        members[case["split"]].append(case["case"])

    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, organ.label: 1},
        "numTraining": len(members["train"]) + len(members["validation"]),
        "file_ending": ".nii.gz",
    }
    (dataset / "dataset.json").write_text(json.dumps(description, indent=2))
    split_folder = arguments.preprocessed / dataset.name
    split_folder.mkdir(parents=True, exist_ok=True)
    splits = [{"train": sorted(members["train"]), "val": sorted(members["validation"])}]
    (split_folder / "splits_final.json").write_text(json.dumps(splits, indent=2))
    print({name: len(cases) for name, cases in members.items()})


if __name__ == "__main__":
    main()
