"""``mobseg.json``: what a model is, for whom, from which data and how good; light enough for a viewer."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mobseg.bundle.fields import Fields
from mobseg.bundle.layout import METADATA
from mobseg.errors import BundleError
from mobseg.labels import ANATOMICAL_STRUCTURE, Code, Label, LabelTable

T = TypeVar("T")

FORMAT_VERSION = 1

#: Parameterisation of a model that predicts no variance.
DETERMINISTIC = "deterministic"

#: Precision of a model that was not measured in a lower one.
EXACT = "float32"

_PRECISIONS = (EXACT, "bfloat16")

_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_AXES = ("LR", "PA", "SI")


@dataclass(frozen=True)
class TrainingData:
    """Where the model was trained, and on how many patients."""

    name: str
    citation: str
    licence: str
    n_train: int
    n_validation: int
    n_test: int


@dataclass(frozen=True)
class BundleMetadata:
    """The content of ``mobseg.json``.

    Attributes:
        id: short name for the command line: lower-case letters, digits, ``.``, ``_`` and ``-``.
        name: shown to people.
        version: of the model.
        parameterisation: name in :mod:`mobseg.covariance`, or :data:`DETERMINISTIC`.
        labels: foreground labels in the order of the network's outputs.
        training_orientation: axis codes (one each of L/R, P/A and S/I, such as ``"LPS"``) in the order
            (i, j, k) of the training arrays; ``None`` feeds arrays as stored, as stock nnU-Net does.
        intended_use: for which images and which task.
        limits: what it must not be used for, and where it is known to fail.
        training_data: provenance.
        licence: of the weights.
        metrics: validation and test metrics, each with its n.
        score_map: the map that ranks regions, such as ``"variance"`` or ``"entropy"``.
        review_curve: errors caught against volume reviewed, measured on validation data.
        recommended_threshold: of the score map, from the review curve.
        requires_roi: whether the model only works inside a region of interest.
        crop_to_body: whether its training images end at the body, so that it never saw the air around a
            patient and is to be run on the box around the body only.
        precision: that ``auto`` takes where the processor computes in it: ``bfloat16`` where it was
            measured to give the same labels and review, else ``float32``.
        created: ISO 8601 date or time.
    """

    id: str
    name: str
    version: str
    parameterisation: str
    labels: LabelTable
    training_orientation: str | None
    intended_use: str
    limits: str
    training_data: TrainingData
    licence: str
    metrics: dict[str, Any]
    score_map: str
    review_curve: dict[str, Any] | None
    recommended_threshold: float | None
    requires_roi: bool
    created: str
    crop_to_body: bool = False
    precision: str = EXACT

    def __post_init__(self) -> None:
        if not is_model_id(self.id):
            raise BundleError(
                f'The model id "{self.id}" must be 1 to 64 lower-case letters, digits, ".", "_" or "-".'
            )
        if self.training_orientation is not None and not _is_orientation(self.training_orientation):
            raise BundleError(
                f'The training orientation "{self.training_orientation}" must be three axis codes '
                'such as "LPS", or null.'
            )
        try:
            datetime.datetime.fromisoformat(self.created)
        except ValueError as error:
            raise BundleError(
                f'The creation date "{self.created}" must be an ISO date such as "2026-01-31".'
            ) from error

        if self.precision not in _PRECISIONS:
            raise BundleError(
                f'The precision "{self.precision}" of the model must be {" or ".join(_PRECISIONS)}.'
            )

    @property
    def is_stochastic(self) -> bool:
        """Whether the model predicts a variance."""
        return self.parameterisation != DETERMINISTIC

    @classmethod
    def read(cls, path: Path) -> BundleMetadata:
        """Read a ``mobseg.json``.

        Raises:
            BundleError: the file is missing or wrong; the message names the key.
        """
        return cls.from_fields(Fields.read(path))

    @classmethod
    def parse(cls, content: bytes) -> BundleMetadata:
        """Parse the text of a ``mobseg.json``.

        Raises:
            BundleError: the text is wrong; the message names the key.
        """
        return cls.from_fields(Fields.parse(content, METADATA))

    @classmethod
    def from_fields(cls, fields: Fields) -> BundleMetadata:
        """Build from parsed JSON; keys that this version does not know are ignored.

        Raises:
            BundleError: a key is missing or wrong.
        """
        if fields.integer("format_version") != FORMAT_VERSION:
            raise BundleError(
                f"{fields.where} has format version {fields.data['format_version']}, but this "
                f"program reads version {FORMAT_VERSION}; update the program or the model."
            )
        return cls(
            id=fields.text("id"),
            name=fields.text("name"),
            version=fields.text("version"),
            parameterisation=fields.text("parameterisation"),
            labels=LabelTable(tuple(_label(item) for item in fields.children("labels"))),
            training_orientation=_optional(fields, "training_orientation", Fields.text),
            intended_use=fields.text("intended_use"),
            limits=fields.text("limits"),
            training_data=_training_data(fields.child("training_data")),
            licence=fields.text("licence"),
            metrics=fields.child("metrics").data,
            score_map=fields.text("score_map"),
            review_curve=_optional(fields, "review_curve", lambda f, key: f.child(key).data),
            recommended_threshold=_optional(fields, "recommended_threshold", Fields.number),
            requires_roi=fields.boolean("requires_roi"),
            created=fields.text("created"),
            crop_to_body="crop_to_body" in fields and fields.boolean("crop_to_body"),
            precision=fields.text("precision") if "precision" in fields else EXACT,
        )

    def to_json(self) -> str:
        """The text of ``mobseg.json``.

        Raises:
            BundleError: a metric or the review curve holds what JSON cannot, such as NaN.
        """
        content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        content["labels"] = [dataclasses.asdict(label) for label in self.labels]
        try:
            return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise BundleError(
                f"The model's metrics or review curve cannot be written as JSON ({error}); use finite "
                "numbers, text, lists and dictionaries."
            ) from error


def is_model_id(text: str) -> bool:
    """Whether ``text`` can be the id of a model, which is also a safe folder name."""
    return _ID.fullmatch(text) is not None


def _is_orientation(codes: str) -> bool:
    axes = [axis for code in codes for axis in _AXES if code in axis]
    return len(codes) == 3 and sorted(axes) == sorted(_AXES)


def _optional(fields: Fields, key: str, read: Callable[[Fields, str], T]) -> T | None:
    return read(fields, key) if key in fields else None


def _label(fields: Fields) -> Label:
    red, green, blue = fields.numbers("color_rgb", 3)
    if not {red, green, blue} <= set(range(256)):
        raise fields.wrong("color_rgb", "three whole numbers from 0 to 255")
    return Label(
        value=fields.integer("value"),
        name=fields.text("name"),
        color_rgb=(int(red), int(green), int(blue)),
        category=_code(fields.child("category")) if "category" in fields else ANATOMICAL_STRUCTURE,
        type=_code(fields.child("type")) if "type" in fields else None,
    )


def _code(fields: Fields) -> Code:
    return Code(fields.text("value"), fields.text("scheme"), fields.text("meaning"))


def _training_data(fields: Fields) -> TrainingData:
    return TrainingData(
        name=fields.text("name"),
        citation=fields.text("citation"),
        licence=fields.text("licence"),
        n_train=fields.integer("n_train"),
        n_validation=fields.integer("n_validation"),
        n_test=fields.integer("n_test"),
    )
