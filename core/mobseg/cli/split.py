"""The validation cases of one fold of nnU-Net's split."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mobseg.errors import InvalidInput


def add_split_arguments(parser: argparse.ArgumentParser) -> None:
    """``--split`` and ``--fold``, for :func:`case_names`."""
    parser.add_argument(
        "--split",
        type=Path,
        metavar="JSON",
        help="nnU-Net's splits_final.json, to take the validation cases of the fold only",
    )
    parser.add_argument("--fold", type=int, default=0, help="fold of the split (default: 0)")


def case_names(split: Path | None, fold: int) -> list[str] | None:
    """Names of the validation cases; ``None``, for all cases, without a split.

    Raises:
        InvalidInput: the file is no ``splits_final.json`` with this fold.
    """
    if split is None:
        return None
    try:
        names: list[str] = json.loads(split.read_text())[fold]["val"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InvalidInput(
            f"{split} holds no validation cases of fold {fold}; give nnU-Net's splits_final.json."
        ) from error
    return names
