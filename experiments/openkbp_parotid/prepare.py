"""Turn a folder of OpenKBP head-and-neck CTs into an nnU-Net raw data set of the parotid glands.

Expected layout of SRC: ``cases.csv`` (columns ``case``, ``split``, ``folder``) and, per folder,
``images/CASE.nii.gz`` and ``labels/CASE.nii.gz`` with label 3 = right and 4 = left parotid gland.

The split by patient is the one OpenKBP publishes: its training and validation patients become
``imagesTr`` and the single fold of ``splits_final.json``; its test patients become ``imagesTs``.
Scans whose source is blanked over the labelled range (folder ``ct_truncated``) are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

PAROTID_LABELS = (3, 4)


def convert_case(source: Path, case: dict[str, str], images: Path, labels: Path) -> None:
    """Write one image and its binary parotid label map under nnU-Net's names."""
    name = case["case"]
    image = sitk.ReadImage(str(source / case["folder"] / "images" / f"{name}.nii.gz"))
    reference = sitk.ReadImage(str(source / case["folder"] / "labels" / f"{name}.nii.gz"))
    parotid = sitk.GetImageFromArray(
        np.isin(sitk.GetArrayViewFromImage(reference), PAROTID_LABELS).astype(np.uint8)
    )
    parotid.CopyInformation(reference)
    sitk.WriteImage(image, str(images / f"{name}_0000.nii.gz"))
    sitk.WriteImage(parotid, str(labels / f"{name}.nii.gz"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument(
        "raw", type=Path, help="nnU-Net raw folder; Dataset501_Parotid is made in it"
    )
    parser.add_argument(
        "preprocessed", type=Path, help="nnU-Net preprocessed folder, for the split"
    )
    arguments = parser.parse_args()

    dataset = arguments.raw / "Dataset501_Parotid"
    for folder in ("imagesTr", "labelsTr", "imagesTs", "labelsTs"):
        (dataset / folder).mkdir(parents=True, exist_ok=True)

    with (arguments.source / "cases.csv").open() as table:
        cases = [row for row in csv.DictReader(table) if row["folder"] != "ct_truncated"]
    members: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for case in cases:
        suffix = "Ts" if case["split"] == "test" else "Tr"
        convert_case(
            arguments.source, case, dataset / f"images{suffix}", dataset / f"labels{suffix}"
        )
        members[case["split"]].append(case["case"])

    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "parotid_gland": 1},
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
