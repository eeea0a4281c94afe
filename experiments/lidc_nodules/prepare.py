"""Turn a folder of LIDC-IDRI nodule crops with several raters into an nnU-Net raw data set.

Expected layout of SRC: ``nodules.csv`` (columns ``name``, ``patient``, ``suspect``), ``images/NAME.nii.gz``
and ``raters/NAME.nii.gz``, a 4D mask (x, y, z, rater) in which a rater who did not mark the nodule is
empty.

Every contour of a nodule is a training case of its own, so that over an epoch a network meets the raters
in the proportion in which they disagree. Validation and test nodules also get a folder of images, one of
consensus masks (at least half of the raters) and one of the raters' masks. The split is by patient, with a
fixed seed. Doubtful nodules are left out, and so is the patient whose whole CT is the sample.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

DATASET = "Dataset502_LungNodule"
SAMPLE_PATIENT = "LIDC-IDRI-0001"
SEED = 20
HELD_OUT_SHARE = 0.2

Mask = npt.NDArray[np.uint8]


def split_of_patients(patients: set[str]) -> dict[str, str]:
    """Test: 20 % of the patients; validation: 20 % of the others."""
    order = np.random.default_rng(SEED).permutation(sorted(patients))
    n_test = round(HELD_OUT_SHARE * len(order))
    n_validation = round(HELD_OUT_SHARE * (len(order) - n_test))
    names = ["test"] * n_test + ["validation"] * n_validation
    names += ["train"] * (len(order) - len(names))
    return dict(zip(order.tolist(), names, strict=True))


def masks_of_raters(path: Path) -> list[Mask]:
    """(K, J, I) masks of the raters who marked the nodule."""
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    return [(mask > 0).astype(np.uint8) for mask in array if mask.any()]


def write_mask(mask: Mask, grid: sitk.Image, path: Path) -> None:
    image = sitk.GetImageFromArray(mask)
    image.CopyInformation(grid)
    sitk.WriteImage(image, str(path), useCompression=True)


def write_training_case(
    name: str, image: sitk.Image, masks: list[Mask], dataset: Path
) -> Iterator[tuple[str, dict[str, object]]]:
    """One entry of ``dataset.json`` per rater; the image is stored once."""
    file = f"{name}_0000.nii.gz"
    sitk.WriteImage(image, str(dataset / "images" / file), useCompression=True)
    for number, mask in enumerate(masks, start=1):
        case = f"{name}__r{number}"
        write_mask(mask, image, dataset / "labels" / f"{case}.nii.gz")
        yield case, {"images": [f"images/{file}"], "label": f"labels/{case}.nii.gz"}


def write_held_out_case(
    name: str, image: sitk.Image, masks: list[Mask], dataset: Path, suffix: str
) -> None:
    sitk.WriteImage(image, str(dataset / f"images{suffix}" / f"{name}_0000.nii.gz"))
    consensus = (2 * np.sum(masks, axis=0, dtype=np.uint8) >= len(masks)).astype(np.uint8)
    write_mask(consensus, image, dataset / f"consensus{suffix}" / f"{name}.nii.gz")
    for number, mask in enumerate(masks, start=1):
        write_mask(mask, image, dataset / f"raters{suffix}" / f"{name}__r{number}.nii.gz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("raw", type=Path, help=f"nnU-Net raw folder; {DATASET} is made in it")
    parser.add_argument(
        "preprocessed", type=Path, help="nnU-Net preprocessed folder, for the split"
    )
    arguments = parser.parse_args()

    dataset = arguments.raw / DATASET
    held_out = [
        f"{kind}{suffix}" for kind in ("images", "consensus", "raters") for suffix in ("Va", "Ts")
    ]
    for folder in ("images", "labels", *held_out):
        (dataset / folder).mkdir(parents=True, exist_ok=True)

    with (arguments.source / "nodules.csv").open() as table:
        nodules = [
            row
            for row in csv.DictReader(table)
            if row["suspect"] != "True" and row["patient"] != SAMPLE_PATIENT
        ]
    split = split_of_patients({row["patient"] for row in nodules})
    cases: dict[str, dict[str, object]] = {}
    members: dict[str, list[str]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for row in nodules:
        name, part = row["name"], split[row["patient"]]
        image = sitk.ReadImage(str(arguments.source / "images" / f"{name}.nii.gz"))
        masks = masks_of_raters(arguments.source / "raters" / f"{name}.nii.gz")
        counts[part] += 1
        if part != "test":
            made = dict(write_training_case(name, image, masks, dataset))
            cases |= made
            members[part] += made
        if part != "train":
            suffix = "Va" if part == "validation" else "Ts"
            write_held_out_case(name, image, masks, dataset, suffix)

    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "lung_nodule": 1},
        "numTraining": len(cases),
        "file_ending": ".nii.gz",
        "dataset": cases,
    }
    (dataset / "dataset.json").write_text(json.dumps(description, indent=2))
    split_folder = arguments.preprocessed / DATASET
    split_folder.mkdir(parents=True, exist_ok=True)
    splits = [{"train": sorted(members["train"]), "val": sorted(members["validation"])}]
    (split_folder / "splits_final.json").write_text(json.dumps(splits, indent=2))
    patients = {part: sum(value == part for value in split.values()) for part in counts}
    print(f"nodules: {dict(counts)}, patients: {patients}")
    print(f"contours: { {part: len(names) for part, names in members.items()} }")


if __name__ == "__main__":
    main()
