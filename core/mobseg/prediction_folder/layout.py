"""The names of the files in a prediction folder."""

from __future__ import annotations

import re
from collections import Counter

from mobseg.labels import LabelTable

#: Version of the layout and of ``run.json``; readers refuse a newer one.
FORMAT_VERSION = 1

SEGMENTATION_NRRD = "segmentation.seg.nrrd"
SEGMENTATION_NIFTI = "segmentation.nii.gz"
REGIONS_CSV = "regions.csv"
REGIONS_JSON = "regions.json"
RUN_JSON = "run.json"

#: Maps with one file for all labels: field of PredictionMaps -> file.
COMMON_MAPS = {
    "predictive_entropy_nats": "entropy.nii.gz",
    "mutual_information_nats": "mutual_information.nii.gz",
    "logit_variance_model": "logit_variance_model.nii.gz",
    "logit_variance_disagreement": "logit_variance_disagreement.nii.gz",
}


def label_map_files(field: str, table: LabelTable) -> tuple[str, ...]:
    """The files of one of :data:`mobseg.prediction.LABEL_FIELDS`, in the order of the labels.

    A single label needs no suffix; several are told apart by their names as far as a file name can hold
    them.
    """
    if len(table) == 1:
        return (f"{field}.nii.gz",)
    names = [re.sub(r"[^A-Za-z0-9]+", "_", label.name).strip("_") for label in table]
    # File systems may not tell upper from lower case.
    uses = Counter(name.lower() for name in names)
    suffixes = (
        name if name and uses[name.lower()] == 1 else f"{name}_{label.value}".lstrip("_")
        for name, label in zip(names, table, strict=True)
    )
    return tuple(f"{field}_{suffix}.nii.gz" for suffix in suffixes)
