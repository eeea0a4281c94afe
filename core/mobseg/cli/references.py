"""The reference label maps of ``mobseg evaluate``: which file belongs to a prediction, and what it says."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mobseg.errors import InvalidInput
from mobseg.labels import LabelTable
from mobseg.volume import LabelVolume

_SUFFIXES = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")


def find_references(predictions: Sequence[Path], references: Sequence[Path]) -> list[Path]:
    """The reference of every prediction.

    Args:
        predictions: prediction folders.
        references: as many files in the same order, or one folder with files named like the prediction
            folders.

    Raises:
        InvalidInput: they cannot be paired.
    """
    for number, prediction in enumerate(predictions, start=1):
        if not prediction.is_dir():
            raise InvalidInput(f"Prediction {number} is not a folder; check its path.")
    if len(references) == 1 and references[0].is_dir():
        return [
            _named_like(prediction, references[0], number)
            for number, prediction in enumerate(predictions, start=1)
        ]
    if len(references) != len(predictions):
        raise InvalidInput(
            f"{len(predictions)} predictions need as many references, got {len(references)}; give one "
            "file each in the same order, or one folder."
        )
    for number, reference in enumerate(references, start=1):
        if not reference.is_file():
            raise InvalidInput(f"Reference {number} is not a file; check its path.")
    return list(references)


def label_values(text: str) -> tuple[str, tuple[int, ...]]:
    """Parse ``NAME=VALUE,VALUE``.

    Raises:
        argparse.ArgumentTypeError: the text has another form, or a value is not positive.
    """
    name, _, listed = text.rpartition("=")
    try:
        values = tuple(int(value) for value in listed.split(","))
    except ValueError:
        values = ()
    if not name or not values or min(values) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} must name a label and its positive values, such as parotid_gland=3,4"
        )
    return name, values


def relabelled(
    reference: LabelVolume, label_map: Mapping[str, tuple[int, ...]], table: LabelTable
) -> LabelVolume:
    """The reference with the values of a model's labels; what is not mapped becomes background.

    Args:
        reference: label map with values of its own.
        label_map: these values by the name of the label.
        table: labels of the model.

    Raises:
        InvalidInput: the names are not exactly those of the model, or two labels share a value.
    """
    names = [label.name for label in table]
    if set(label_map) != set(names):
        raise InvalidInput(
            f"--map must be given once for every label of the model: {', '.join(names)}."
        )
    values = [value for listed in label_map.values() for value in listed]
    if len(set(values)) != len(values):
        raise InvalidInput("--map gives one value of the references to two labels; give it to one.")
    highest = max(label.value for label in table)
    array = np.zeros(reference.array.shape, dtype=np.min_scalar_type(highest))
    for label in table:
        array[np.isin(reference.array, label_map[label.name])] = label.value
    return LabelVolume(array, reference.geometry)


def _named_like(prediction: Path, folder: Path, number: int) -> Path:
    name = prediction.resolve().name
    found = [folder / f"{name}{suffix}" for suffix in _SUFFIXES]
    found = [path for path in found if path.is_file()]
    if len(found) != 1:
        raise InvalidInput(
            f"The folder of references holds {len(found)} label maps named like prediction {number}; "
            "name one like the prediction folder, or give one file per prediction."
        )
    return found[0]
