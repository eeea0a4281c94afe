"""Writes figures to a JSON file, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from mobseg.errors import OutputError


def check_destination(path: Path) -> None:
    """Refuse a place that cannot be written, before any work is done.

    Raises:
        OutputError: the path is a folder, or lies in none.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise OutputError("The output needs a file name in an existing folder; check its path.")


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write the complete file, or leave what is there as it is.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    unfinished = path.with_name(f".{uuid4().hex}.json")
    try:
        unfinished.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(
            f"The metrics cannot be written ({error.strerror or 'input/output error'}); check that the "
            "disk is not full and that the folder is writable."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
