"""Codes and colours for the labels of models that bring no terminology of their own.

The SNOMED CT codes in ``resources/terminology.json`` are those of 3D Slicer's DICOM terminology and of the
mapping of the radiotherapy names of AAPM TG-263.
"""

from __future__ import annotations

import functools
import json
import re

from mobseg.bundle.layout import RESOURCES
from mobseg.labels import Code

# Distinct colours for the first labels (Tol's "bright" and "muted" schemes, without grey); they repeat
# beyond that.
# https://personal.sron.nl/~pault/
_PALETTE = (
    (238, 102, 119),
    (68, 119, 170),
    (34, 136, 51),
    (204, 187, 68),
    (102, 204, 238),
    (170, 51, 119),
    (221, 204, 119),
    (68, 170, 153),
    (136, 34, 85),
    (153, 153, 51),
    (51, 34, 136),
    (136, 204, 238),
)

_SIDES = {"left", "right", "both", "l", "r"}


def color_for_index(index: int) -> tuple[int, int, int]:
    """Red, green and blue (0 to 255) for the label at ``index`` of a table."""
    return _PALETTE[index % len(_PALETTE)]


def code_for_organ(name: str) -> Code | None:
    """SNOMED CT code for the name of a common organ, whatever its spelling and side.

    >>> code_for_organ("RightParotid").meaning
    'Parotid gland'
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+", " ", name).lower().split()
    key = " ".join(word for word in words if word not in _SIDES)
    codes = _codes()
    return codes.get(key) or codes.get(key.removesuffix("s"))


@functools.cache
def _codes() -> dict[str, Code]:
    """Codes by lower-case name and alias."""
    content = json.loads((RESOURCES / "terminology.json").read_text(encoding="utf-8"))
    return {
        name.lower(): Code(organ["code"], content["scheme"], organ["meaning"])
        for organ in content["organs"]
        for name in (organ["meaning"], *organ["aliases"])
    }
