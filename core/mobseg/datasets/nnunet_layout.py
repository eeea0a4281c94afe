"""The layouts of the Medical Segmentation Decathlon and of nnU-Net: imagesTr, labelsTr, dataset.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mobseg.datasets.source import SourceCase, checked_case
from mobseg.errors import InvalidInput
from mobseg.image_io import read_label_volume
from mobseg.volume import LabelVolume

_SUFFIX = ".nii.gz"


class NnunetSource:
    """A training set with one channel and labels of consecutive values.

    Args:
        root: folder with ``dataset.json``, ``imagesTr`` and ``labelsTr``.

    Raises:
        InvalidInput: the folder lacks something, or its labels are not of this kind.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.label_names = _label_names(_read_description(root))
        # The Decathlon ships the hidden files of another system along.
        self._cases = {
            path.name.removesuffix(_SUFFIX): path
            for path in sorted((root / "labelsTr").glob(f"*{_SUFFIX}"))
            if not path.name.startswith(".")
        }
        if not self._cases:
            raise InvalidInput(f"{root} holds no label map labelsTr/*{_SUFFIX}; check the folder.")

    def case_names(self) -> list[str]:
        """Names of the cases of ``labelsTr``."""
        return list(self._cases)

    def read(self, name: str) -> SourceCase:
        """Read a case; see :class:`mobseg.datasets.source.Source`."""
        labels = read_label_volume(self._cases[name])
        if labels.array.max(initial=0) > len(self.label_names):
            raise InvalidInput("The label map holds a value that dataset.json does not name.")
        folder = self._root / "imagesTr"
        found = [folder / f"{name}{ending}{_SUFFIX}" for ending in ("_0000", "")]
        image = next((path for path in found if path.exists()), found[0])
        return checked_case(image, LabelVolume(labels.array.astype(np.uint8), labels.geometry))


def _read_description(root: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((root / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{root} has no readable dataset.json; check the folder.") from error
    return content


def _label_names(description: dict[str, Any]) -> tuple[str, ...]:
    """Names of the labels 1 to n; the Decathlon maps values to names, nnU-Net names to values."""
    labels = description.get("labels", {})
    try:
        pairs = [
            (int(key), str(value)) if str(key).isdecimal() else (int(value), str(key))
            for key, value in labels.items()
        ]
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            "The labels of dataset.json are regions or not numbers, which cannot be converted."
        ) from error
    names = dict(sorted(pairs))
    if list(names) != list(range(len(names))) or len(names) < 2:
        raise InvalidInput("The labels of dataset.json must have the values 0, 1, 2 and so on.")
    return tuple(names[value] for value in range(1, len(names)))
