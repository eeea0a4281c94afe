"""``run.json``: how a result was made, and what the rest of the folder means."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobseg import strict_json
from mobseg.errors import BundleError, InvalidInput
from mobseg.labels import LabelTable
from mobseg.prediction import RunRecord
from mobseg.prediction_folder.layout import FORMAT_VERSION, RUN_JSON


@dataclass(frozen=True)
class ThresholdRecord:
    """How regions were flagged.

    Attributes:
        score: name of the map, one of :data:`mobseg.uncertainty.SCORE_NAMES`.
        value: lowest flagged score, in the unit of the map.
        source: where the value comes from, in a sentence.
    """

    score: str
    value: float
    source: str


@dataclass(frozen=True)
class RunFile:
    """The content of ``run.json``.

    Attributes:
        record: how the result was made; its fields lie at the top level of the file.
        threshold: how the regions were flagged.
        label_table: meaning of the labels.
        is_stochastic: whether the model predicts a variance.
    """

    record: RunRecord
    threshold: ThresholdRecord
    label_table: LabelTable
    is_stochastic: bool


def write_run_file(content: RunFile, files: Sequence[str], folder: Path) -> None:
    """Write ``run.json`` with a list of all ``files`` of the folder."""
    plain = {
        "format_version": FORMAT_VERSION,
        **strict_json.encode(content.record),
        "threshold": strict_json.encode(content.threshold),
        "label_table": strict_json.encode(content.label_table),
        "is_stochastic": content.is_stochastic,
        "files": list(files),
    }
    text = json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=False)
    (folder / RUN_JSON).write_text(text + "\n", encoding="utf-8")


def read_run_file(folder: Path) -> RunFile:
    """Read ``run.json``.

    Raises:
        InvalidInput: the folder is no prediction folder, its ``run.json`` is damaged, or it was written by
            a newer version.
    """
    try:
        content = (folder / RUN_JSON).read_bytes()
    except FileNotFoundError as error:
        raise InvalidInput(
            f"The folder is no prediction folder, as it holds no {RUN_JSON}; choose one that mobseg made."
        ) from error
    except OSError as error:
        raise _damaged() from error
    return parse_run_file(content)


def parse_run_file(content: bytes) -> RunFile:
    """Parse the text of a ``run.json``.

    Raises:
        InvalidInput: it is damaged, or was written by a newer version.
    """
    try:
        plain = strict_json.loads(content)
    except strict_json.StrictJsonError as error:
        raise _damaged() from error
    if not isinstance(plain, dict) or not isinstance(plain.get("format_version"), int):
        raise _damaged()
    if plain["format_version"] > FORMAT_VERSION:
        raise InvalidInput(
            "The prediction folder was written by a newer version of mobseg; update mobseg to open it."
        )
    try:
        return RunFile(
            record=_record(plain),
            threshold=strict_json.decode(ThresholdRecord, plain["threshold"]),
            label_table=strict_json.decode(LabelTable, plain["label_table"]),
            is_stochastic=strict_json.decode(bool, plain["is_stochastic"]),
        )
    except (KeyError, TypeError, BundleError, strict_json.StrictJsonError) as error:
        raise _damaged() from error


def _record(plain: dict[str, Any]) -> RunRecord:
    fields = {field.name: plain[field.name] for field in dataclasses.fields(RunRecord)}
    return RunRecord(**(fields | {"notes": tuple(fields["notes"])}))


def _damaged() -> InvalidInput:
    return InvalidInput(f"{RUN_JSON} of the prediction folder is damaged; segment the image again.")
