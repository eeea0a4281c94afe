"""The validation cases of one fold of nnU-Net's split."""

from __future__ import annotations

import json
from pathlib import Path

from mobseg.errors import InvalidInput


def case_names(split: Path, fold: int) -> list[str]:
    """Names of the validation cases.

    Raises:
        InvalidInput: the file is no ``splits_final.json`` with this fold.
    """
    try:
        names: list[str] = json.loads(split.read_text())[fold]["val"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InvalidInput(
            f"{split} holds no validation cases of fold {fold}; give nnU-Net's splits_final.json."
        ) from error
    return names
