"""From a source to a raw data set of nnU-Net with a recorded split."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobseg.bundle.staging import staged
from mobseg.datasets.source import Source, SourceCase
from mobseg.datasets.split import Split, split_cases
from mobseg.errors import InvalidInput
from mobseg.image_io import write_label_volume
from mobseg.progress import Progress

#: Written beside dataset.json; says how the data set was made.
RECORD = "mobseg_dataset.json"

_ENDING = ".nii.gz"


@dataclass(frozen=True)
class Conversion:
    """What became of the cases of a source.

    Attributes:
        split: the cases that were taken.
        absent: cases without any voxel of the labels.
        damaged: cases that cannot be used, and why.
    """

    split: Split
    absent: tuple[str, ...]
    damaged: dict[str, str]


def convert(
    source: Source, raw: Path, preprocessed: Path, name: str, seed: int, progress: Progress
) -> Conversion:
    """Make ``raw/name`` and ``preprocessed/name/splits_final.json``.

    Images are hard links where the file system allows it. Cases without any of the labels are left out, as
    are damaged ones.

    Args:
        source: where the cases come from.
        raw: nnU-Net's folder of raw data sets.
        preprocessed: nnU-Net's folder of preprocessed data sets.
        name: ``DatasetNNN_NAME``.
        seed: of the split.
        progress: told about every case.

    Raises:
        InvalidInput: no case can be used.
        OutputError: the data set exists already or cannot be written.
        Cancelled: the user cancelled; nothing was written.
    """
    absent: list[str] = []
    damaged: dict[str, str] = {}
    with staged(raw / name) as folder:
        (folder / "imagesTr").mkdir(parents=True)
        (folder / "labelsTr").mkdir()
        taken = []
        names = source.case_names()
        for index, case in enumerate(names):
            progress.raise_if_cancelled()
            progress.report(f"Case {index + 1} of {len(names)}", index / len(names))
            try:
                content = source.read(case)
            except InvalidInput as error:
                damaged[case] = str(error)
                continue
            if not content.labels.array.any():
                absent.append(case)
                continue
            _write_case(content, folder, case)
            taken.append(case)
        if not taken:
            raise InvalidInput(
                f"None of the {len(names)} cases can be used ({len(absent)} without the labels, "
                f"{len(damaged)} damaged); check the folder and the names of the labels."
            )
        conversion = Conversion(split_cases(taken, seed), tuple(absent), damaged)
        _move_test_cases(folder, conversion.split.test)
        _write_descriptions(folder, source.label_names, conversion)
    _write_split(preprocessed / name, conversion.split)
    return conversion


def _write_case(case: SourceCase, folder: Path, name: str) -> None:
    image = folder / "imagesTr" / f"{name}_0000{_ENDING}"
    try:
        os.link(case.image, image)
    except OSError:
        shutil.copyfile(case.image, image)
    write_label_volume(case.labels, folder / "labelsTr" / f"{name}{_ENDING}")


def _move_test_cases(folder: Path, names: Sequence[str]) -> None:
    for kind, ending in (("images", f"_0000{_ENDING}"), ("labels", _ENDING)):
        (folder / f"{kind}Ts").mkdir()
        for name in names:
            file = f"{name}{ending}"
            (folder / f"{kind}Tr" / file).rename(folder / f"{kind}Ts" / file)


def _write_descriptions(folder: Path, labels: Sequence[str], conversion: Conversion) -> None:
    split = conversion.split
    dataset = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **{name: i for i, name in enumerate(labels, start=1)}},
        "numTraining": len(split.train) + len(split.validation),
        "file_ending": _ENDING,
    }
    record = {
        "seed": split.seed,
        "train": split.train,
        "validation": split.validation,
        "test": split.test,
        "absent": conversion.absent,
        "damaged": conversion.damaged,
    }
    (folder / "dataset.json").write_text(json.dumps(dataset, indent=2))
    (folder / RECORD).write_text(json.dumps(record, indent=2))


def _write_split(folder: Path, split: Split) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folds = [{"train": split.train, "val": split.validation}]
    partial = folder / ".splits_final.partial"
    partial.write_text(json.dumps(folds, indent=2))
    partial.replace(folder / "splits_final.json")
